import { table } from "../measuring/table.ts";
import type { Parts } from "./parts.ts";
import type { Summary } from "./summary.ts";
import type { Ratio } from "./targets.ts";

/** The figures of one part as text. CPU, transactions and WAL are for one tenant. */
export function summaryReport(title: string, summaries: readonly Summary[]): string {
  const head = [
    ...["", "at once", "tenants/s", "p50 ms", "p99 ms", "202 p50", "202 p99"],
    ...["node CPU ms", "server CPU ms", "transactions", "WAL KiB"],
  ];
  const rows = summaries
    .toSorted((a, b) => a.workers - b.workers)
    .map((each) => [
      each.contender,
      String(each.workers),
      each.tenantsPerSecond.toFixed(2),
      each.p50Ms.toFixed(0),
      each.p99Ms.toFixed(0),
      whole(each.acceptP50Ms),
      whole(each.acceptP99Ms),
      each.nodeCpuMs.toFixed(0),
      whole(each.serverCpuMs),
      each.writeTransactions.toFixed(1),
      each.walKiB.toFixed(0),
    ]);
  return `${title}\n\n${table(head, rows)}`;
}

export function ratioReport(ratios: readonly Ratio[]): string {
  const rows = ratios.map((each) => [
    `${each.of} / ${each.to}`,
    String(each.existing),
    each.value.toFixed(2),
    `>= ${each.target}`,
    each.met ? "met" : "NOT MET",
  ]);
  return `Ratios of tenants per second, each at its best number of workers\n\n${table(["", "among", "ratio", "target", ""], rows)}`;
}

export function partsReport({ contender, tenantMs, hashMs, connections }: Parts): string {
  const rows = [
    ["password hash", "1.0", hashMs.toFixed(1)],
    ...connections.map(({ what, count, ms }) => [what, count.toFixed(1), ms.toFixed(1)]),
  ];
  const title = `Where the time goes: ${contender}, one at a time, ${tenantMs.toFixed(0)} ms for a tenant`;
  return `${title}\n(queries by connection; some run beside each other)\n\n${table(["", "count", "ms"], rows)}`;
}

function whole(value: number | null): string {
  return value === null ? "-" : value.toFixed(0);
}
