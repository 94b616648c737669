import {
  isFinished,
  listOperations,
  type Operation,
  printable,
  type TenancyContext,
} from "@tenantry/tenancy";
import type { CommandContext } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { operationPairs } from "./license-text.ts";
import { type Column, formatPairs, formatTable } from "./table.ts";

/** Children shown on a screen at most; `operation list` shows them all. */
const SHOWN = 50;
const PAGE = 200;

const COLUMNS: readonly Column<Operation>[] = [
  { title: "ITEM", cell: ({ item }) => String(item ?? ""), align: "right" },
  { title: "LICENSE", cell: ({ licenseKey }) => printable(licenseKey ?? "") },
  { title: "STATE", cell: ({ state }) => state },
  { title: "ERROR", cell: ({ error }) => printable(error?.code ?? "") },
  { title: "SAYS", cell: (child) => printable(childSays(child)) },
];

/**
 * Prints how a run stands after it was waited for, and each child that failed; with `--json` every child, unless there
 * is one line for it.
 */
export async function concludeRun(
  { terminal, json }: CommandContext,
  ctx: TenancyContext,
  run: Operation,
  options: { readonly oneLine?: boolean } = {},
): Promise<ExitCode> {
  if (json && options.oneLine) terminal.line(JSON.stringify(run));
  else if (json) terminal.json({ operation: run, children: await listChildren(ctx, run.id) });
  else terminal.data(`${formatPairs(operationPairs(run))}${await failuresText(ctx, run)}`);
  if (!isFinished(run.state)) {
    terminal.note(`It isn't finished: \`tenantry operation watch ${run.id}\` goes on.`);
  }
  return runExitCode(run);
}

/** Failed children as a table, under an empty line; nothing when none has failed. */
export async function failuresText(ctx: TenancyContext, run: Operation): Promise<string> {
  const failed = run.children?.failed ?? 0;
  if (failed === 0) return "";
  const filter = { parentId: run.id, state: "failed" } as const;
  const { items } = await listOperations(ctx, filter, { limit: SHOWN });
  const rest =
    failed > items.length
      ? `and ${failed - items.length} more: tenantry operation list --parent ${run.id}\n`
      : "";
  return `\n${formatTable(COLUMNS, items)}${rest}`;
}

/** 0 when every child ended well, 1 when none did, 3 otherwise. */
export function runExitCode({ state, children }: Pick<Operation, "state" | "children">): ExitCode {
  if (children === undefined || !isFinished(state)) return EXIT.partlyDone;
  if (children.failed + children.canceled === 0) return EXIT.done;
  return children.succeeded === 0 ? EXIT.failed : EXIT.partlyDone;
}

/** Every child, in the order of the request. */
async function listChildren(ctx: TenancyContext, parentId: string): Promise<Operation[]> {
  const children: Operation[] = [];
  for (let cursor: string | undefined, more = true; more; ) {
    const page = { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const { items, nextCursor } = await listOperations(ctx, { parentId }, page);
    children.push(...items);
    cursor = nextCursor ?? undefined;
    more = nextCursor !== null;
  }
  return children.reverse();
}

/** What is wrong, field by field where that is known. */
function childSays({ error }: Operation): string {
  const faults = error?.faults?.map(({ pointer, detail }) => `${pointer} ${detail}`) ?? [];
  return faults.length > 0 ? faults.join("; ") : (error?.detail ?? "");
}
