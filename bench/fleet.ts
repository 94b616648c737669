import pg from "pg";
import type { Benchmark } from "./benchmark.ts";
import { roundName } from "./fleet/blueprint.ts";
import { bareClients, kyselyMigrator } from "./fleet/contenders.ts";
import { LANES, makeTenants, migrate, openSite } from "./fleet/site.ts";
import { startBenchServer } from "./measuring/postgres-server.ts";
import { median } from "./measuring/statistics.ts";
import { table } from "./measuring/table.ts";

interface Plan {
  readonly tenants: number;
  readonly rounds: number;
  /** Tenants of a round that Kysely's Migrator gets. */
  readonly kysely: number;
  /** Rows of the registry that a run finds current. */
  readonly current: number;
}

const FULL: Plan = { tenants: 3_000, rounds: 4, kysely: 3, current: 10_000 };
const QUICK: Plan = { tenants: 300, rounds: 2, kysely: 2, current: 10_000 };

const OF_LIMIT = 0.5;
const OF_KYSELY = 1_000;
const NO_OP_SECONDS = 1;

interface Stretch {
  readonly round: number;
  readonly tenants: number;
  readonly seconds: number;
}

type Name = "tenantry" | "bare" | "kysely";

/** How fast a fleet gets a column and an index, and what it costs to find that there is nothing to do. */
export const fleet: Benchmark = {
  name: "fleet",
  run: async ({ quick, existing, tell, resources }) => {
    const plan = { ...(quick ? QUICK : FULL), ...(existing === undefined ? {} : { tenants: existing }) };
    const server = await startBenchServer({ max_connections: "100" });
    resources.defer(() => server.stop());
    const databaseUrl = await server.createDatabase();
    tell(`making ${plan.tenants} tenants`);
    const before = await openSite(databaseUrl, 0);
    await makeTenants(before, plan.tenants);
    await before.close();
    const admin = new pg.Client({ connectionString: databaseUrl });
    await admin.connect();
    resources.defer(() => admin.end());
    await admin.query("vacuum (analyze)");

    const stretches: Record<Name, Stretch[]> = { tenantry: [], bare: [], kysely: [] };
    for (let round = 1; round <= plan.rounds; round += 1) {
      tell(`round ${round} of ${plan.rounds}`);
      const shares = await share(admin, plan, round);
      const site = await openSite(databaseUrl, round);
      const turns: Record<Name, () => Promise<number>> = {
        tenantry: async () => (await migrate(site)).seconds,
        bare: () => bareClients(databaseUrl, shares.bare, round),
        kysely: () => kyselyMigrator(databaseUrl, shares.kysely, round),
      };
      const order: Name[] = round % 2 === 1 ? ["tenantry", "bare", "kysely"] : ["bare", "tenantry", "kysely"];
      for (const name of order) {
        await server.checkpoint();
        stretches[name].push({ round, tenants: shares[name].length, seconds: await turns[name]() });
      }
      await site.close();
    }
    tell("a fleet that is current");
    const noOp = await measureNoOp(await server.createDatabase(), plan.current);
    const pace = (name: Name): number =>
      median(stretches[name].map(({ tenants, seconds }) => tenants / seconds));
    const targets = [
      atLeast("tenants a second, of bare clients'", OF_LIMIT, pace("tenantry") / pace("bare")),
      atLeast("tenants a second, of Kysely's Migrator's", OF_KYSELY, pace("tenantry") / pace("kysely")),
      {
        what: `seconds for a fleet of ${plan.current} that is current`,
        asked: `under ${NO_OP_SECONDS}`,
        measured: median(noOp),
        met: median(noOp) < NO_OP_SECONDS,
      },
    ];
    return {
      servers: { PostgreSQL: server.version },
      figures: { plan, lanes: LANES, stretches, noOpSeconds: noOp, targets },
      report: report({ tenantry: pace("tenantry"), bare: pace("bare"), kysely: pace("kysely") }, targets),
    };
  },
};

/**
 * Deals a round's tenants: a few to Kysely's Migrator, of the others every second to Tenantry, the rest to bare clients; the
 * next round the other way round. What isn't Tenantry's the registry takes to be upgraded already.
 */
async function share(admin: pg.Client, plan: Plan, round: number): Promise<Record<Name, string[]>> {
  const { rows } = await admin.query<{ schema_name: string }>(
    "select schema_name from tenantry.tenants order by schema_name",
  );
  const names = rows.map(({ schema_name }) => schema_name);
  const kysely = names.slice(0, plan.kysely);
  const others = names.slice(plan.kysely);
  const tenantry = others.filter((_, index) => index % 2 === round % 2);
  const bare = others.filter((_, index) => index % 2 !== round % 2);
  await admin.query("update tenantry.tenants set version = $1 where schema_name = any ($2)", [
    roundName(round),
    [...kysely, ...bare],
  ]);
  return { tenantry, bare, kysely };
}

/** Runs over a registry of tenants that are all current; their schemas aren't even there. @returns seconds, of three runs */
async function measureNoOp(databaseUrl: string, tenants: number): Promise<number[]> {
  const site = await openSite(databaseUrl, 1);
  const admin = new pg.Client({ connectionString: databaseUrl });
  await admin.connect();
  await admin.query(`
    with license as (
      insert into tenantry.licenses (id, key, client_name, license_type, max_users, max_branches, blueprint, created_at)
      select gen_random_uuid(), 'BENCH-' || n, 'Bench', 'yearly', 1, 1, 'fleet-bench', now()
      from generate_series(1, ${tenants}) as n
      returning id, key
    )
    insert into tenantry.tenants
      (id, license_id, blueprint, version, schema_name, role_name, placement, state, created_at, ready_at)
    select gen_random_uuid(), id, 'fleet-bench', '${roundName(1)}', key, key, 'default', 'ready', now(), now()
    from license`);
  await admin.query("vacuum (analyze)");
  await admin.end();
  const seconds: number[] = [];
  for (let run = 0; run < 3; run += 1) seconds.push((await migrate(site)).seconds);
  await site.close();
  return seconds;
}

interface Target {
  readonly what: string;
  readonly asked: string;
  readonly measured: number;
  readonly met: boolean;
}

function atLeast(what: string, asked: number, measured: number): Target {
  return { what, asked: `at least ${asked}`, measured, met: measured >= asked };
}

function report(paces: Readonly<Record<Name, number>>, targets: readonly Target[]): string {
  return [
    table(
      ["a column and an index", "tenants/s"],
      [
        [`bare clients, ${LANES} at once`, paces.bare.toFixed(1)],
        [`Tenantry, ${LANES} at once`, paces.tenantry.toFixed(1)],
        ["Kysely Migrator", paces.kysely.toFixed(2)],
      ],
    ),
    table(
      ["target", "asked", "measured", ""],
      targets.map(({ what, asked, measured, met }) => [
        what,
        asked,
        measured.toFixed(3),
        met ? "met" : "not met",
      ]),
    ),
  ].join("\n\n");
}
