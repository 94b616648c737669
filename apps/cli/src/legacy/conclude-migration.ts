import type { LegacyFinding } from "@tenantry/schema";
import {
  isFinished,
  type LegacyItem,
  type LegacyRunFigures,
  legacyFindings,
  legacyRunFigures,
  listLegacyItems,
  type Operation,
  printable,
  type TenancyContext,
} from "@tenantry/tenancy";
import type { CommandContext } from "../command.ts";
import { eachOf, firstOf } from "../each-of.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { runExitCode } from "../output/conclude-run.ts";
import { operationPairs } from "../output/license-text.ts";
import { type Column, formatPairs, formatTable } from "../output/table.ts";
import { foresightText, licensesText, rowsText } from "./figures-text.ts";
import { ITEM_COLUMNS, PLAN_COLUMNS } from "./item-tables.ts";

/** Licenses shown on a screen at most; with `--json`, over HTTP and in the report there are all. */
const SHOWN = 100;

const FINDING_COLUMNS: readonly Column<LegacyFinding>[] = [
  { title: "FOUND", cell: ({ code }) => code },
  {
    title: "SAYS",
    cell: ({ file, detail }) => printable(detail.includes(file) ? detail : `${file}: ${detail}`),
  },
];

/** A plan: what would become of each license, and of all together. */
export async function planText(ctx: TenancyContext, runId: string): Promise<string> {
  const figures = await legacyRunFigures(ctx, runId);
  const items = await itemsText(ctx, runId, PLAN_COLUMNS);
  return `${items}${await findingsText(ctx, runId)}${foresightText(figures)}; ${figures.rows.planned} rows\n`;
}

/** How a run stands: itself, what became of each license, and what is to be done now. */
export async function migrationText(
  ctx: TenancyContext,
  run: Operation,
  figures: LegacyRunFigures,
): Promise<string> {
  const facts = migrationPairs(run, figures);
  const columns = run.children === undefined ? PLAN_COLUMNS : ITEM_COLUMNS;
  const items = await itemsText(ctx, run.id, columns);
  // What was found belongs to the plan: whoever watched the run has read it there.
  const findings = run.children === undefined ? await findingsText(ctx, run.id) : "";
  return `${formatPairs(facts)}${items === "" ? "" : `\n${items}`}${findings === "" ? "" : `\n${findings}`}`;
}

/** Prints how a run stands after it was waited for, and says so by the exit code. */
export async function concludeMigration(
  context: CommandContext,
  ctx: TenancyContext,
  run: Operation,
  dryRun: boolean,
): Promise<ExitCode> {
  const { terminal, json } = context;
  const figures = await legacyRunFigures(ctx, run.id);
  if (json) terminal.json(await migrationJson(ctx, run, figures));
  else terminal.data(await migrationText(ctx, run, figures));
  for (const advice of whatNext(run, figures)) terminal.note(advice);
  if (run.state === "failed" || run.state === "canceled") {
    return figures.licenses.succeeded > 0 ? EXIT.partlyDone : EXIT.failed;
  }
  if (!dryRun) return runExitCode(run);
  return isFinished(run.state) && figures.foresight.refuse === 0 ? EXIT.done : EXIT.partlyDone;
}

/** The run, its figures and every license. */
export async function migrationJson(
  ctx: TenancyContext,
  operation: Operation,
  figures: LegacyRunFigures,
): Promise<object> {
  const items: LegacyItem[] = [];
  for await (const item of eachItem(ctx, operation.id)) items.push(item);
  return { operation, figures, items };
}

function migrationPairs(run: Operation, figures: LegacyRunFigures): [string, string][] {
  if (figures.licenses.total === 0) return operationPairs(run);
  const isPlan = run.children === undefined;
  const { findings } = figures;
  return [
    ["Run", run.id],
    ["State", run.state],
    ["Licenses", isPlan ? foresightText(figures) : licensesText(figures)],
    ["Rows", isPlan ? String(figures.rows.planned) : rowsText(figures)],
    ...optional("Takes", isPlan ? estimate(run) : undefined),
    ...optional("Findings", findings === 0 ? undefined : `${findings} about the source`),
    ["Created", run.createdAt],
    ...optional("Finished", run.finishedAt),
    ...optional("Error", run.error && printable(`${run.error.code}: ${run.error.detail}`)),
  ];
}

function optional(name: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[name, value]];
}

/** How long a dry run expects it to take. */
function estimate({ result }: Operation): string | undefined {
  const seconds: unknown = result === undefined ? undefined : Reflect.get(result, "estimatedSeconds");
  if (typeof seconds !== "number") return undefined;
  return seconds < 120 ? `about ${seconds} seconds` : `about ${Math.ceil(seconds / 60)} minutes`;
}

/** One line for each thing that is left to do. */
export function whatNext(run: Operation, figures: LegacyRunFigures): string[] {
  const { id, state } = run;
  const { licenses, rows } = figures;
  const next: string[] = [];
  if (!isFinished(state)) {
    next.push(`It isn't finished: \`tenantry operation watch ${id}\` goes on.`);
  } else if (licenses.failed + licenses.canceled > 0) {
    next.push(`Mend what failed, then \`tenantry operation retry ${id}\` does those again, and only those.`);
  }
  if (rows.quarantined > 0) {
    next.push(`\`tenantry migrate-legacy quarantine show ${id}\` lists the rows that could not be imported.`);
  }
  if (isFinished(state) && licenses.total > 0) {
    next.push(`\`tenantry migrate-legacy report ${id} --out FILE\` writes the whole report.`);
  }
  return next;
}

function eachItem(ctx: TenancyContext, runId: string): AsyncGenerator<LegacyItem> {
  return eachOf((page) => listLegacyItems(ctx, runId, {}, page));
}

/** What somebody should know of the source as a whole. */
async function findingsText(ctx: TenancyContext, runId: string): Promise<string> {
  const findings = await legacyFindings(ctx, runId);
  if (findings.length === 0) return "";
  const more = findings.length > SHOWN ? `and ${findings.length - SHOWN} more: see the report\n` : "";
  return `${formatTable(FINDING_COLUMNS, findings.slice(0, SHOWN))}${more}`;
}

async function itemsText(
  ctx: TenancyContext,
  runId: string,
  columns: readonly Column<LegacyItem>[],
): Promise<string> {
  const { first, beyond } = await firstOf(eachItem(ctx, runId), SHOWN);
  if (first.length === 0) return "";
  return `${formatTable(columns, first)}${beyond === 0 ? "" : `and ${beyond} more\n`}`;
}
