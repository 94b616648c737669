import { type TenancyContext, type TenantRef, withTenant } from "@tenantry/tenancy";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { inLanes } from "../measuring/lanes.ts";
import { median } from "../measuring/statistics.ts";

export interface ThroughputPlan {
  readonly clients: readonly number[];
  readonly rounds: number;
  /** Transactions in one stretch. */
  readonly transactions: number;
  /** Connections of each contender. */
  readonly connections: number;
}

export interface Throughput {
  readonly contender: string;
  readonly clients: number;
  /** Median of the rounds. */
  readonly perSecond: number;
  /** Of the bare driver's on a plain pool, and of Kysely's there: medians of the rounds' own ratios. */
  readonly ofDriver: number;
  readonly ofKysely: number;
  readonly raw: readonly number[];
}

interface Contender {
  readonly name: string;
  readonly transaction: (tenant: TenantRef) => Promise<unknown>;
}

interface Tables {
  settings: { key: string; value: string };
}

const KEY = "work_hours_start";
const DRIVER = "driver on a plain pool";
const KYSELY = "Kysely on a plain pool";

/**
 * One read by key in a transaction of its own: on a plain pool as the owner, with the table's schema in its name (begin,
 * query, commit: three round trips), and through `withTenant`.
 */
export async function measureThroughput(
  ctx: TenancyContext,
  databaseUrl: string,
  tenants: readonly TenantRef[],
  plan: ThroughputPlan,
  tell: (message: string) => void,
): Promise<Throughput[]> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: plan.connections, options: "-c jit=off" });
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const read = (db: Kysely<Tables>) =>
    db.selectFrom("settings").select("value").where("key", "=", KEY).executeTakeFirstOrThrow();
  // As many as have room: one more, and each use would log in anew.
  const few = tenants.slice(0, plan.connections / 2);
  const contenders: Contender[] = [
    {
      name: DRIVER,
      transaction: async (tenant) => {
        const client = await pool.connect();
        await client.query("begin");
        await client.query(`select value from ${tenant.schema_name}.settings where key = $1`, [KEY]);
        await client.query("commit");
        client.release();
      },
    },
    {
      name: KYSELY,
      transaction: (tenant) =>
        kysely
          .transaction()
          .execute((db) =>
            db
              .withSchema(tenant.schema_name)
              .selectFrom("settings")
              .select("value")
              .where("key", "=", KEY)
              .executeTakeFirstOrThrow(),
          ),
    },
    { name: "withTenant, shared", transaction: (tenant) => withTenant(ctx, tenant, read) },
    {
      name: "withTenant, shared, raw SQL",
      transaction: (tenant) =>
        withTenant(ctx, tenant, (db) => sql`select value from settings where key = ${KEY}`.execute(db)),
    },
    {
      name: "withTenant, login",
      transaction: (tenant) =>
        withTenant(ctx, few[tenant.ordinal % few.length] ?? tenant, read, { mode: "login" }),
    },
  ];
  try {
    const results: Throughput[] = [];
    for (const clients of plan.clients) {
      tell(`transactions per second, ${clients} clients`);
      results.push(...(await measureRounds(contenders, tenants, clients, plan)));
    }
    return results;
  } finally {
    await pool.end();
  }
}

async function measureRounds(
  contenders: readonly Contender[],
  tenants: readonly TenantRef[],
  clients: number,
  { rounds, transactions }: ThroughputPlan,
): Promise<Throughput[]> {
  const raw = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  // The first round warms everybody's connections and caches, and isn't counted.
  for (let round = 0; round <= rounds; round++) {
    const order = contenders.map((_, index) => contenders[(index + round) % contenders.length] as Contender);
    for (const { name, transaction } of order) {
      let next = 0;
      const begun = performance.now();
      await inLanes(clients, transactions, async () => {
        next = (next + 1) % tenants.length;
        await transaction(tenants[next] as TenantRef);
      });
      if (round > 0) raw.get(name)?.push((transactions * 1000) / (performance.now() - begun));
    }
  }
  const ratioTo = (peer: string, rates: readonly number[]): number =>
    median(rates.map((rate, round) => rate / (raw.get(peer)?.[round] ?? Number.NaN)));
  return contenders.map(({ name }) => {
    const rates = raw.get(name) ?? [];
    return {
      contender: name,
      clients,
      perSecond: median(rates),
      ofDriver: ratioTo(DRIVER, rates),
      ofKysely: ratioTo(KYSELY, rates),
      raw: rates,
    };
  });
}
