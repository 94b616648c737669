import { ensureOwnedDatabase } from "@tenantry/schema";
import { booking } from "@tenantry/schema/blueprints/booking";
import { placementOf, type TenantRef } from "@tenantry/tenancy";
import type { Benchmark } from "./benchmark.ts";
import { type AfterCreation, type MembershipPlan, measureMemberships } from "./isolation/memberships.ts";
import { type Memory, measureMemory } from "./isolation/memory.ts";
import { makeTenant, openBench, withBudget } from "./isolation/tenants.ts";
import { measureThroughput, type Throughput, type ThroughputPlan } from "./isolation/throughput.ts";
import { startBenchServer } from "./measuring/postgres-server.ts";
import { table } from "./measuring/table.ts";

interface Plan {
  readonly throughput: ThroughputPlan;
  readonly memberships: MembershipPlan;
  readonly memoryTenants: number;
}

const FULL: Plan = {
  throughput: { clients: [1, 8, 32], rounds: 5, transactions: 4_000, connections: 10 },
  memberships: { roles: 10_000, creations: 40 },
  memoryTenants: 1_000,
};

const QUICK: Plan = {
  throughput: { clients: [1, 8], rounds: 1, transactions: 500, connections: 10 },
  memberships: { roles: 1_000, creations: 4 },
  memoryTenants: 20,
};

const TENANTS = 50;
/** Far from those that the memberships are measured with. */
const MEMORY_ORDINAL = 20_001;

/** The transactions' rate must be this share at least of the same query's by Kysely on a plain pool, in shared mode. */
const THROUGHPUT_TARGET = 0.85;
/** What a transaction may cost more right after another tenant was made, in milliseconds. */
const EXTRA_TARGET_MS = 5;

interface Figures {
  readonly plan: Plan;
  readonly throughput: readonly Throughput[];
  readonly afterCreation: readonly AfterCreation[];
  readonly memory: readonly Memory[];
  readonly targets: readonly Target[];
}

interface Target {
  readonly what: string;
  readonly asked: string;
  readonly measured: number;
  readonly met: boolean;
}

/** What isolation costs, and whether it stays flat. On the embedded PostgreSQL, and on `DATABASE_URL`'s when given. */
export const isolation: Benchmark = {
  name: "isolation",
  run: async ({ quick, tell, resources, databaseUrl }) => {
    const plan = quick ? QUICK : FULL;
    const servers: Record<string, string> = {};
    const figures: Record<string, Figures> = {};
    const given = databaseUrl === undefined ? [] : [databaseUrl];
    const embedded = resources.adopt(await startBenchServer(), (server) => server.stop());
    for (const superuserUrl of [embedded.superuserUrl, ...given]) {
      const measured = await measureOn(superuserUrl, plan, tell);
      const name = `PostgreSQL ${measured.version}`;
      servers[`postgresql ${measured.version}`] = measured.version;
      figures[name] = measured.figures;
    }
    const report = Object.entries(figures).map(([name, each]) => `${name}\n\n${reportOf(each)}`);
    return { servers, figures, report: report.join("\n\n") };
  },
};

async function measureOn(
  superuserUrl: string,
  plan: Plan,
  tell: (message: string) => void,
): Promise<{ version: string; figures: Figures }> {
  const name = `bench_isolation_${process.pid}`;
  const databaseUrl = await ensureOwnedDatabase({ superuserUrl, name, password: "bench" });
  const installation = await openBench(databaseUrl);
  try {
    const { ctx } = installation;
    const { provisioning } = await placementOf(ctx, { placement: "default" });
    const { rows } = await provisioning.query<{ version: string }>(
      "SELECT current_setting('server_version') AS version",
    );
    const version = rows[0]?.version ?? "unknown";
    tell(`PostgreSQL ${version}: ${TENANTS} tenants`);
    const tenants: TenantRef[] = [];
    for (let ordinal = 1; ordinal <= TENANTS; ordinal++)
      tenants.push(await makeTenant(ctx, booking, ordinal));
    const few = withBudget(ctx, databaseUrl, plan.throughput.connections);
    const throughput = await measureThroughput(few.ctx, databaseUrl, tenants, plan.throughput, tell);
    await few.close();
    const memory = await measureMemory(ctx, databaseUrl, MEMORY_ORDINAL, plan.memoryTenants, tell);
    const urls = { owner: databaseUrl, superuser: superuserUrl };
    const [first] = tenants as [TenantRef];
    const afterCreation = await measureMemberships(ctx, urls, first, TENANTS + 1, plan.memberships, tell);
    const targets = targetsOf(throughput, afterCreation);
    return { version, figures: { plan, throughput, afterCreation, memory, targets } };
  } finally {
    await installation.close();
  }
}

function targetsOf(throughput: readonly Throughput[], afterCreation: readonly AfterCreation[]): Target[] {
  return [
    ...throughput
      .filter(({ contender }) => contender === "withTenant, shared")
      .map(({ clients, ofKysely }) => ({
        what: `transactions of the same by Kysely on a plain pool, ${clients} clients`,
        asked: `at least ${THROUGHPUT_TARGET}`,
        measured: ofKysely,
        met: ofKysely >= THROUGHPUT_TARGET,
      })),
    ...afterCreation
      .filter(({ contender }) => contender.startsWith("withTenant"))
      .map(({ created, extraMedian }) => ({
        what: `ms more after another tenant was made ${created}`,
        asked: `at most ${EXTRA_TARGET_MS}`,
        measured: extraMedian,
        met: extraMedian <= EXTRA_TARGET_MS,
      })),
  ];
}

function reportOf({ throughput, afterCreation, memory, targets }: Figures): string {
  return [
    table(
      ["one read by key", "clients", "per second", "of driver", "of Kysely"],
      throughput.map((row) => [
        row.contender,
        String(row.clients),
        row.perSecond.toFixed(0),
        row.ofDriver.toFixed(2),
        row.ofKysely.toFixed(2),
      ]),
    ),
    table(
      ["a transaction, ms", "tenant made", "before", "right after", "more, median", "more, p95"],
      afterCreation.map((row) => [
        row.contender,
        row.created,
        ...[row.before, row.after, row.extraMedian, row.extraP95].map((ms) => ms.toFixed(2)),
      ]),
    ),
    table(
      ["memory", "tenants", "backends", "largest, MB"],
      memory.map((row) => [
        row.contender,
        String(row.tenants),
        String(row.backends),
        row.largestMb?.toFixed(0) ?? "unknown",
      ]),
    ),
    table(
      ["target", "asked", "measured", "met"],
      targets.map((row) => [row.what, row.asked, row.measured.toFixed(2), row.met ? "yes" : "no"]),
    ),
  ].join("\n\n");
}
