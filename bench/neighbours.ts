import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { backupsIn, createLogger, type Installation, openInstallation } from "@tenantry/installation";
import { booking } from "@tenantry/schema/blueprints/booking";
import { createApiKey } from "@tenantry/tenancy";
import type { Benchmark } from "./benchmark.ts";
import { startBenchServer } from "./measuring/postgres-server.ts";
import { startRedis } from "./measuring/redis-server.ts";
import { type Services, startServices } from "./measuring/services.ts";
import { median, percentile } from "./measuring/statistics.ts";
import { table } from "./measuring/table.ts";
import { atMost, type Target, targetTable } from "./measuring/target.ts";
import { type BulkWork, openBulkOrders, type Pace } from "./neighbours/bulk-work.ts";
import { addFleetMigration, writeFleetFolder } from "./neighbours/fleet-folder.ts";
import { type People, peopleIn } from "./neighbours/people.ts";
import { openShop, sellMany } from "./scale/sell.ts";

interface Plan {
  /** Tenants that people are at work in. */
  readonly tenants: number;
  /** Tenants of the fleet that is migrated: more than a stretch gets done. */
  readonly fleet: number;
  /** Licenses of a run: more than a stretch gets done. */
  readonly licenses: number;
  readonly seconds: number;
  readonly rounds: number;
}

const FULL: Plan = { tenants: 200, fleet: 4_000, licenses: 100, seconds: 5, rounds: 6 };
const QUICK: Plan = { tenants: 20, fleet: 200, licenses: 20, seconds: 2, rounds: 1 };

const LANES = 4;
const TARGET = 2;
/** What follows a stretch of bulk work, such as its last WAL, isn't the next one's. */
const SETTLE_MS = 2_000;

const WORK = ["nothing", "create, yield", "create, full", "migrate, yield", "migrate, full"] as const;
type Work = (typeof WORK)[number];

interface Stretch {
  readonly work: Work;
  readonly round: number;
  /** Tenants that the bulk work got done. */
  readonly done: number;
  readonly seconds: number;
  /** Of the people's transactions. Milliseconds. */
  readonly latencies: readonly number[];
}

/** What people at work feel of tenants that are made or migrated in bulk beside them. */
export const neighbours: Benchmark = {
  name: "neighbours",
  run: async ({ quick, redisUrl, tell, resources }) => {
    const plan = quick ? QUICK : FULL;
    const redis = await startRedis(redisUrl);
    if (redis !== null) resources.defer(() => redis.stop());
    const server = await startBenchServer({ max_connections: "200" });
    resources.defer(() => server.stop());
    const databaseUrl = await server.createDatabase();
    const folder = await mkdtemp(join(tmpdir(), "tenantry-bench-fleet-"));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    await writeFleetFolder(folder);

    const start = (): Promise<Services> =>
      startServices({
        databaseUrl,
        redisUrl: redis?.url ?? null,
        environment: { TENANTRY_BLUEPRINTS: folder },
      });
    let services = await start();
    resources.defer(() => services.stop());
    const installation = await openPeoplesInstallation(databaseUrl);
    resources.defer(() => installation.close());
    const { token } = await createApiKey(installation.ctx, {
      name: "bench",
      scopes: ["licenses:write", "operations:read", "operations:write", "fleet:write"],
    });
    const orders = () => openBulkOrders(services.address, token);

    tell(`making ${plan.tenants} tenants and a fleet of ${plan.fleet}`);
    await sellMany(openShop(services.address, token), plan.tenants, LANES);
    const people = await peopleOf(installation);
    await orders().createFleet(plan.fleet);
    await people.work(2_000);

    let migrations = 1;
    const begin: Readonly<Record<Work, () => Promise<BulkWork | null>>> = {
      nothing: async () => null,
      "create, yield": () => orders().create(plan.licenses, "yield"),
      "create, full": () => orders().create(plan.licenses, "full"),
      "migrate, yield": () => migrate("yield"),
      "migrate, full": () => migrate("full"),
    };
    async function migrate(pace: Pace): Promise<BulkWork> {
      migrations += 1;
      await addFleetMigration(folder, migrations);
      await services.stop();
      services = await start();
      return orders().migrateFleet(pace);
    }

    const stretches: Stretch[] = [];
    for (let round = 1; round <= plan.rounds; round++) {
      for (const work of round % 2 === 1 ? WORK : WORK.toReversed()) {
        tell(`round ${round} of ${plan.rounds}, beside ${work}`);
        await server.checkpoint();
        const bulk = await begin[work]();
        const latencies = await people.work(plan.seconds * 1000);
        const done = (await bulk?.stop()) ?? 0;
        stretches.push({ work, round, done, seconds: plan.seconds, latencies });
        await wait(SETTLE_MS);
      }
    }
    const rows = WORK.map((work) => summarize(work, stretches));
    const targets = judge(rows);
    return {
      servers: { PostgreSQL: server.version, Redis: redis?.version ?? "none: queue in PostgreSQL" },
      figures: {
        plan,
        rows,
        targets,
        stretches: stretches.map(({ latencies, ...stretch }) => ({ ...stretch, ...percentiles(latencies) })),
      },
      report: report(rows, targets),
    };
  },
};

/** The application that the people work with, in this process; the bulk work is done in others. */
function openPeoplesInstallation(databaseUrl: string): Promise<Installation> {
  return openInstallation({
    databaseUrl,
    redisUrl: null,
    blueprints: [booking],
    role: "bench",
    provisioningConnections: 0,
    backups: backupsIn(join(tmpdir(), "tenantry-bench-backups")),
    legacyDirectory: join(tmpdir(), "tenantry-bench-legacy"),
    log: createLogger({ level: "error", name: "bench" }),
  });
}

async function peopleOf({ ctx }: Installation): Promise<People> {
  const tenants = await ctx.control
    .selectFrom("tenants")
    .selectAll()
    .where("state", "=", "ready")
    .where("blueprint", "=", booking.name)
    .execute();
  return peopleIn(ctx, tenants);
}

/** Milliseconds. */
interface Percentiles {
  readonly transactions: number;
  readonly p50: number;
  readonly p99: number;
}

function percentiles(latencies: readonly number[]): Percentiles {
  return { transactions: latencies.length, p50: median(latencies), p99: percentile(latencies, 0.99) };
}

interface Row extends Percentiles {
  readonly work: Work;
  readonly doneASecond: number;
  /** p99, of that of the same round beside nothing: median of the rounds. */
  readonly ofQuiet: number;
}

function summarize(work: Work, stretches: readonly Stretch[]): Row {
  const own = stretches.filter((stretch) => stretch.work === work);
  const p99 = (stretch: Stretch): number => percentile(stretch.latencies, 0.99);
  const ratios = own.map((stretch) => {
    const quiet = stretches.find((each) => each.work === "nothing" && each.round === stretch.round);
    return quiet === undefined ? Number.NaN : p99(stretch) / p99(quiet);
  });
  return {
    work,
    doneASecond: median(own.map(({ done, seconds }) => done / seconds)),
    ofQuiet: median(ratios),
    ...percentiles(own.flatMap(({ latencies }) => latencies)),
  };
}

function judge(rows: readonly Row[]): Target[] {
  return rows
    .filter(({ work }) => work.endsWith("yield"))
    .map(({ work, ofQuiet }) => atMost(`p99 beside ${work}, of that beside nothing`, TARGET, ofQuiet));
}

function report(rows: readonly Row[], targets: readonly Target[]): string {
  return [
    table(
      ["people's transactions beside", "count", "p50 ms", "p99 ms", "p99 of quiet", "tenants/s"],
      rows.map((row) => [
        row.work,
        String(row.transactions),
        row.p50.toFixed(1),
        row.p99.toFixed(1),
        row.ofQuiet.toFixed(2),
        row.doneASecond.toFixed(1),
      ]),
    ),
    targetTable(targets),
  ].join("\n\n");
}
