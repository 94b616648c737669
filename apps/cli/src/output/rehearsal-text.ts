import { printable, type RehearsalSum, type RehearsedTenant, sizeText } from "@tenantry/tenancy";
import { count } from "./license-text.ts";
import type { Terminal } from "./terminal.ts";

/** One tenant's rehearsal, on a line. */
export function rehearsedText(
  { licenseKey, schema, bytes, rehearsal, to }: RehearsedTenant,
  { style }: Pick<Terminal, "style">,
): string {
  const who = printable(`${licenseKey}  ${schema}  ${sizeText(bytes)}`);
  switch (rehearsal.kind) {
    case "current":
      return `${who}  ${style("green", "current")}: it is at ${printable(to)}\n`;
    case "not-possible":
      return `${who}  ${style("red", "not possible")}: it ${printable(rehearsal.reason)}\n`;
    case "failed":
      return `${who}  ${style("red", "not possible")}: ${printable(rehearsal.reason)}\n`;
    case "rehearsed": {
      const { from, failure, milliseconds } = rehearsal;
      const way = printable(`${from ?? "nothing"} → ${to}`);
      return failure === null
        ? `${who}  ${style("green", "went well")}: ${way} in ${inMs(milliseconds)}\n`
        : `${who}  ${style("red", "failed")}: ${way}, at ${printable(failure.migration)} (SQLSTATE ${failure.sqlState})\n`;
    }
  }
}

/** What the rehearsals of one blueprint come to. */
export function rehearsalText(sum: RehearsalSum): string {
  const { succeeded, failed, notPossible } = sum.tenants;
  const lines = [
    `${sum.blueprint} → ${sum.to}: ${succeeded} went well, ${failed} failed, ${notPossible} not possible${sum.milliseconds === null ? "" : `; ${inMs(sum.milliseconds.median)} in the middle, ${inMs(sum.milliseconds.most)} at most`}`,
    ...sum.migrations.map(
      ({ name, medianMs, mostMs }) => `  ${name}: ${inMs(medianMs)} in the middle, ${inMs(mostMs)} at most`,
    ),
    ...sum.migrations.flatMap(({ name, outsideTransaction }) =>
      outsideTransaction.map(
        (statement) => `  ${name} runs outside a transaction, here without CONCURRENTLY: ${statement}`,
      ),
    ),
    ...sum.locks.map(
      ({ relation, mode, migration }) =>
        `  ${migration} locks ${relation}: ${mode}, so that nobody ${mode === "AccessExclusiveLock" ? "reads or writes" : "writes"} it meanwhile`,
    ),
    ...sum.rewrites.map(
      ({ table, migration, mostBytes }) =>
        `  ${migration} writes all of ${table} anew: up to ${sizeText(mostBytes)}`,
    ),
    ...sum.failures.map(
      ({ migration, sqlState, about, licenseKeys }) =>
        `  ${migration} fails (SQLSTATE ${sqlState}${about === null ? "" : `, ${about}`}) in ${count(licenseKeys.length, "tenant", "tenants")}: ${licenseKeys.join(", ")}`,
    ),
  ];
  return lines.map((line) => `${printable(line)}\n`).join("");
}

function inMs(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}
