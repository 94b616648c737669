import pg from "pg";
import type { Benchmark } from "./benchmark.ts";
import { roundName } from "./fleet/blueprint.ts";
import { bareClients, kyselyMigrator } from "./fleet/contenders.ts";
import { LANES, makeTenants, migrate, openSite } from "./fleet/site.ts";
import { startBenchServer } from "./measuring/postgres-server.ts";
import { median } from "./measuring/statistics.ts";
import { table } from "./measuring/table.ts";
import { atLeast, type Target, targetTable } from "./measuring/target.ts";

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
    let migration = 0;
    for (let round = 1; round <= plan.rounds; round += 1) {
      tell(`round ${round} of ${plan.rounds}`);
      const order: Name[] = round % 2 === 1 ? ["tenantry", "bare", "kysely"] : ["bare", "tenantry", "kysely"];
      for (const name of order) {
        migration += 1;
        await server.checkpoint();
        stretches[name].push({ round, ...(await TURNS[name]({ databaseUrl, admin, plan, migration })) });
      }
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

interface Turn {
  readonly databaseUrl: string;
  readonly admin: pg.Client;
  readonly plan: Plan;
  /** Each turn has a migration of its own, which the whole fleet has when it ends. */
  readonly migration: number;
}

const TURNS: Readonly<Record<Name, (turn: Turn) => Promise<Omit<Stretch, "round">>>> = {
  tenantry: async ({ databaseUrl, migration }) => {
    const site = await openSite(databaseUrl, migration);
    const stretch = await migrate(site);
    await site.close();
    return stretch;
  },
  bare: async ({ databaseUrl, admin, migration }) => {
    const schemas = await schemasOf(admin);
    const seconds = await bareClients(databaseUrl, schemas, migration);
    await register(admin, migration);
    return { tenants: schemas.length, seconds };
  },
  kysely: async ({ databaseUrl, admin, plan, migration }) => {
    const schemas = await schemasOf(admin);
    const few = schemas.slice(0, plan.kysely);
    const seconds = await kyselyMigrator(databaseUrl, few, migration);
    // The others are brought to the same version, so that the next turn finds all alike.
    await bareClients(databaseUrl, schemas.slice(plan.kysely), migration);
    await register(admin, migration);
    return { tenants: few.length, seconds };
  },
};

async function schemasOf(admin: pg.Client): Promise<string[]> {
  const { rows } = await admin.query<{ schema_name: string }>(
    "select schema_name from tenantry.tenants order by schema_name",
  );
  return rows.map(({ schema_name }) => schema_name);
}

/** The registry hears of what others than Tenantry did. */
async function register(admin: pg.Client, migration: number): Promise<void> {
  await admin.query("update tenantry.tenants set version = $1", [roundName(migration)]);
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
    targetTable(targets, 3),
  ].join("\n\n");
}
