import {
  type FleetFigures,
  type FleetTenant,
  isFinished,
  listFleetTenants,
  type Operation,
  printable,
  type TenancyContext,
} from "@tenantry/tenancy";
import type { CommandContext } from "../command.ts";
import { eachOf, firstOf } from "../each-of.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { type Column, formatPairs, formatTable } from "../output/table.ts";

/** Failed tenants shown on a screen at most; with `--json` and over HTTP there are all. */
const SHOWN = 50;

const FAILED_COLUMNS: readonly Column<FleetTenant>[] = [
  { title: "LICENSE", cell: ({ licenseKey }) => printable(licenseKey) },
  { title: "SCHEMA", cell: ({ schema }) => printable(schema) },
  { title: "AT", cell: ({ version }) => printable(version ?? "") },
  { title: "WAVE", cell: ({ wave }) => String(wave), align: "right" },
  {
    title: "SAYS",
    cell: ({ error }) => (error === undefined ? "" : printable(`${error.code}: ${error.detail}`)),
  },
];

/** Prints how a run stands, and says so by the exit code: 0 when all is done, 1 when nothing is, 3 in between. */
export async function concludeFleet(
  { terminal, json }: CommandContext,
  ctx: TenancyContext,
  run: Operation,
  figures: FleetFigures,
): Promise<ExitCode> {
  const failed = eachOf((page) => listFleetTenants(ctx, run.id, { state: "failed" }, page));
  if (json) {
    const all: FleetTenant[] = [];
    for await (const tenant of failed) all.push(tenant);
    terminal.json({ operation: run, figures, failed: all });
  } else {
    const { first, beyond } = await firstOf(failed, SHOWN);
    const more = beyond === 0 ? "" : `and ${beyond} more\n`;
    const table = first.length === 0 ? "" : `\n${formatTable(FAILED_COLUMNS, first)}${more}`;
    terminal.data(`${formatPairs(runPairs(run, figures))}${table}`);
  }
  for (const advice of whatNext(run, figures)) terminal.note(advice);
  return exitOf(run, figures);
}

export function exitOf({ state }: Operation, { tenants, paused }: FleetFigures): ExitCode {
  if (paused !== null || !isFinished(state)) return EXIT.partlyDone;
  if (state === "succeeded" && tenants.failed === 0) return EXIT.done;
  return tenants.done === 0 ? EXIT.failed : EXIT.partlyDone;
}

function runPairs(run: Operation, figures: FleetFigures): [string, string][] {
  const { tenants, waves, wave, paused } = figures;
  const counts = [
    [tenants.done, "upgraded"],
    [tenants.failed, "failed"],
    [tenants.skipped, "not there any more"],
    [tenants.pending, "to do"],
  ] as const;
  const parts = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return [
    ["Run", run.id],
    ["State", paused === null ? run.state : "paused"],
    ...optional("Why", paused?.reason),
    ["Blueprint", `${figures.blueprint}, to ${figures.version}`],
    ["Tenants", [String(tenants.total), ...(parts.length > 0 ? [parts.join(", ")] : [])].join(": ")],
    ...optional("Wave", waves.length === 0 ? undefined : `${wave} of ${waves.length} (${waves.join(", ")})`),
    ["Created", run.createdAt],
    ...optional("Finished", run.finishedAt),
    ...optional("Error", run.error && printable(`${run.error.code}: ${run.error.detail}`)),
  ];
}

function optional(name: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[name, value]];
}

function whatNext({ id, state }: Operation, { tenants, paused }: FleetFigures): string[] {
  if (paused !== null) {
    return [
      `\`tenantry fleet resume ${id}\` goes on, the failures so far forgiven; \`tenantry fleet cancel ${id}\` ends it.`,
    ];
  }
  if (!isFinished(state)) return [`It isn't finished: \`tenantry operation watch ${id}\` goes on.`];
  if (tenants.failed + tenants.pending === 0) return [];
  return [`Mend what failed, then \`tenantry operation retry ${id}\` does those again, and only those.`];
}
