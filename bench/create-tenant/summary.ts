import { median, percentile } from "../measuring/statistics.ts";
import type { Stretch } from "./measure.ts";

/** What the rounds of one contender at one number of workers come to. */
export interface Summary {
  readonly contender: string;
  readonly workers: number;
  /** Median of the rounds. */
  readonly tenantsPerSecond: number;
  /** From asking to being there, over all rounds. Milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** POST to 202, over all rounds; null where nothing is accepted. */
  readonly acceptP50Ms: number | null;
  readonly acceptP99Ms: number | null;
  /** What one tenant costs, medians of the rounds. */
  readonly nodeCpuMs: number;
  readonly serverCpuMs: number | null;
  readonly writeTransactions: number;
  readonly walKiB: number;
}

export function summarize(stretches: readonly Stretch[]): Summary[] {
  const groups = Map.groupBy(stretches, ({ contender, workers }) => `${contender}\0${workers}`);
  return [...groups.values()].map(summarizeGroup);
}

/** The number of workers at which a contender made the most tenants a second. */
export function best(summaries: readonly Summary[], contender: string): Summary {
  const own = summaries.filter((summary) => summary.contender === contender);
  const [winner] = own.toSorted((a, b) => b.tenantsPerSecond - a.tenantsPerSecond);
  if (winner === undefined) throw new Error(`nothing was measured of ${contender}`);
  return winner;
}

function summarizeGroup(rounds: readonly Stretch[]): Summary {
  const [first] = rounds;
  if (first === undefined) throw new Error("a group without a round");
  const perTenant = (of: (stretch: Stretch) => number): number =>
    median(rounds.map((stretch) => of(stretch) / stretch.tenants));
  const latencies = rounds.flatMap((stretch) => stretch.latenciesMs);
  const accepts = rounds.flatMap((stretch) => stretch.acceptMs);
  const isServerKnown = rounds.every((stretch) => stretch.serverCpuMs !== null);
  return {
    contender: first.contender,
    workers: first.workers,
    tenantsPerSecond: median(rounds.map((stretch) => stretch.tenantsPerSecond)),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    acceptP50Ms: accepts.length === 0 ? null : percentile(accepts, 0.5),
    acceptP99Ms: accepts.length === 0 ? null : percentile(accepts, 0.99),
    nodeCpuMs: perTenant((stretch) => stretch.nodeCpuMs),
    serverCpuMs: isServerKnown ? perTenant((stretch) => stretch.serverCpuMs ?? 0) : null,
    writeTransactions: perTenant((stretch) => stretch.writeTransactions),
    walKiB: perTenant((stretch) => stretch.walBytes / 1024),
  };
}
