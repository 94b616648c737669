import type { Benchmark } from "./benchmark.ts";
import { makeExistingTenants } from "./create-tenant/existing-tenants.ts";
import { SHARED_BUFFERS, startBenchServer } from "./measuring/postgres-server.ts";
import { startRedis } from "./measuring/redis-server.ts";
import { median, percentile } from "./measuring/statistics.ts";
import { table } from "./measuring/table.ts";
import { measureHash, openSeller, type Sale, type Seller } from "./warm-pool/seller.ts";

/** Sales of one stretch; the warm ones have a spare each. */
const SALES = { full: 20, quick: 3 } as const;
const ROUNDS = { full: 5, quick: 1 } as const;
/** Tenants that are there before. */
const FEW = 10;
const MANY = { full: 3_000, quick: 20 } as const;

interface Stretch {
  readonly existing: number;
  readonly warm: boolean;
  readonly sales: readonly Sale[];
}

/** How long a sale takes with a schema that was made ahead, and without, among few tenants and among many. */
export const warmPoolBenchmark: Benchmark = {
  name: "warm-pool",
  run: async ({ quick, existing, redisUrl, tell, resources }) => {
    const size = quick ? "quick" : "full";
    // A commit's own moment is asked of the server.
    const server = resources.adopt(
      await startBenchServer({ track_commit_timestamp: "on", shared_buffers: SHARED_BUFFERS }),
      (each) => each.stop(),
    );
    const redis = resources.adopt(await startRedis(redisUrl), async (each) => each?.stop());
    if (redis === null) tell("no redis-server on the path and no REDIS_URL: the queue is in PostgreSQL");
    const hashMs = await measureHash();
    const sellers: { readonly among: number; readonly seller: Seller }[] = [];
    for (const among of [FEW, existing ?? MANY[size]]) {
      tell(`making ${among} tenants`);
      const databaseUrl = await server.createDatabase();
      await makeExistingTenants(databaseUrl, among);
      const seller = resources.use(await openSeller(databaseUrl, redis?.url ?? null));
      sellers.push({ among, seller });
    }
    const stretches: Stretch[] = [];
    for (let round = 1; round <= ROUNDS[size]; round++) {
      // In turns, each round beginning with another: a drift of the machine hits all alike.
      for (const { among, seller } of round % 2 === 1 ? sellers : sellers.toReversed()) {
        for (const warm of [true, false]) {
          tell(`among ${among}, round ${round} of ${ROUNDS[size]}, ${warm ? "warm" : "cold"}`);
          await server.checkpoint();
          stretches.push({ existing: among, warm, sales: await seller.sell(SALES[size], warm) });
        }
      }
    }
    const rows = summarize(stretches, hashMs);
    return {
      servers: { postgresql: server.version, ...(redis === null ? {} : { redis: redis.version }) },
      figures: { hashMs, rows, targets: targets(rows), stretches },
      report: report(rows, hashMs),
    };
  },
};

interface Row {
  readonly existing: number;
  readonly warm: boolean;
  /** From the worker's claim to the commit that makes the tenant ready, by the server's clock. Milliseconds. */
  readonly jobMedianMs: number;
  readonly jobP95Ms: number;
  /** POST with `Prefer: wait` to its answer, less a password hash. Milliseconds. */
  readonly postMedianMs: number;
  readonly postP95Ms: number;
  /** Sold one after the other, hash and all. */
  readonly perSecond: number;
}

function summarize(stretches: readonly Stretch[], hashMs: number): Row[] {
  const groups = Map.groupBy(stretches, ({ existing, warm }) => `${existing} ${warm}`);
  return [...groups.values()].map((group) => {
    const sales = group.flatMap((stretch) => stretch.sales);
    const jobs = sales.map(({ jobMs }) => jobMs);
    const posts = sales.map(({ postMs }) => postMs - hashMs);
    return {
      existing: group[0]?.existing ?? 0,
      warm: group[0]?.warm ?? false,
      jobMedianMs: median(jobs),
      jobP95Ms: percentile(jobs, 0.95),
      postMedianMs: median(posts),
      postP95Ms: percentile(posts, 0.95),
      perSecond: (sales.length * 1000) / sales.reduce((sum, { postMs }) => sum + postMs, 0),
    };
  });
}

interface Target {
  readonly what: string;
  readonly existing: number;
  readonly wanted: string;
  readonly measured: number;
  readonly met: boolean;
}

function targets(rows: readonly Row[]): Target[] {
  const among = Map.groupBy(rows, ({ existing }) => existing);
  const [few] = among.values();
  return [...among].flatMap(([existing, group]) => {
    const find = (wanted: boolean) => (each: Row) => each.warm === wanted;
    const [warm, cold] = [group.find(find(true)), group.find(find(false))];
    if (warm === undefined || cold === undefined) return [];
    const flat = [warm, cold].flatMap((row) => {
      const first = few?.find(find(row.warm));
      if (first === undefined || first === row) return [];
      const of = `${row.warm ? "warm" : "cold"}, of the same among ${first.existing}`;
      return [
        atLeast(`tenants a second ${of}`, existing, 0.9, row.perSecond / first.perSecond),
        atLeast(`speed of the median job ${of}`, existing, 0.9, first.jobMedianMs / row.jobMedianMs),
      ];
    });
    return [
      atMost("job to commit, ms", existing, 10, warm.jobMedianMs),
      atMost("POST to answer, ms", existing, 25, warm.postMedianMs),
      atLeast("times as fast as cold", existing, 15, cold.jobMedianMs / warm.jobMedianMs),
      ...flat,
    ];
  });
}

function atLeast(what: string, existing: number, limit: number, measured: number): Target {
  return { what, existing, wanted: `>= ${limit}`, measured, met: measured >= limit };
}

function atMost(what: string, existing: number, limit: number, measured: number): Target {
  return { what, existing, wanted: `<= ${limit}`, measured, met: measured <= limit };
}

function report(rows: readonly Row[], hashMs: number): string {
  const ms = (value: number): string => value.toFixed(1);
  return [
    `Sales of the erp blueprint, one after the other; a hash takes ${ms(hashMs)} ms, which is taken off the POST`,
    table(
      ["", "job ms", "p95", "POST ms", "p95", "tenants/s"],
      rows.map((row) => [
        `${row.warm ? "warm" : "cold"}, among ${row.existing}`,
        ...[row.jobMedianMs, row.jobP95Ms, row.postMedianMs, row.postP95Ms, row.perSecond].map(ms),
      ]),
    ),
    table(
      ["target", "wanted", "measured", "met"],
      targets(rows).map(({ what, existing, wanted, measured, met }) => [
        `${what}, among ${existing}`,
        wanted,
        measured.toFixed(2),
        met ? "yes" : "no",
      ]),
    ),
  ].join("\n\n");
}
