import { createPool, LoginPools } from "@tenantry/schema";
import { type TenancyContext, type TenantRow, withTenant } from "@tenantry/tenancy";
import { type Kysely, sql } from "kysely";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { NOTES_ORDER, type NotesTables, notes } from "./support/notes-blueprint.ts";
import { hasPgBouncer, startPgBouncer } from "./support/pgbouncer.ts";
import { openTestInstallation } from "./support/tenantry.ts";
import { type ReadyTenant, readyTenants } from "./support/tenants.ts";

const TENANTS = 50;
const CONNECTIONS = 4;
const TRANSACTIONS = 10_000;

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [notes] });
const pooledUrl = hasPgBouncer ? await startPgBouncer(database.adminUrl, CONNECTIONS) : "";
let tenants: readonly ReadyTenant[] = [];

beforeAll(async () => {
  await installation.work();
  tenants = await readyTenants(installation, TENANTS, NOTES_ORDER);
});

/** The installation with other connections for tenants' data: few, and through `serverUrl`. */
function withConnections(serverUrl: string, connections: number, statementTimeout = 30_000): TenancyContext {
  const pools = (perLogin: number) =>
    new LoginPools({
      serverUrl,
      applicationName: "tenantry-leaks",
      budget: connections,
      perLogin,
      statementTimeout,
      lockTimeout: 10_000,
      idleInTransactionTimeout: 15_000,
      onConnectionLost: () => undefined,
    });
  const [gateways, logins] = [pools(connections), pools(1)];
  const main = { ...installation.ctx.placements.main, gateways, logins };
  onTestFinished(async () => {
    await Promise.all([gateways.end(), logins.end()]);
  });
  return { ...installation.ctx, placements: { main, of: async () => main } };
}

interface Seen {
  readonly role: string;
  readonly path: string;
  readonly first: string;
  readonly left_behind: string | null;
}

/** Who the session says that it is, the tenant's first row, and what an earlier use may have left on it. */
async function look(db: Kysely<NotesTables>): Promise<Seen> {
  const found = await sql<Seen>`
    select current_user as role, current_setting('search_path') as path,
      (select body from notes order by id limit 1) as first,
      nullif(current_setting('left.behind', true), '') as left_behind`.execute(db);
  return found.rows[0] as Seen;
}

function own({ key, row }: ReadyTenant): Seen {
  return { role: row.role_name, path: `${row.schema_name}, pg_temp`, first: key, left_behind: null };
}

/** What a use of a connection may come to, other than well. Each has to throw. */
const ACCIDENTS: readonly ((db: Kysely<NotesTables>, ctx: TenancyContext) => Promise<unknown>)[] = [
  async () => {
    throw new Error("the application changed its mind");
  },
  (db) => sql`select 1 / 0`.execute(db),
  (db) => sql`select * from there_is_no_such_table`.execute(db),
  (db) => sql`insert into notes (body) values (repeat('x', 500))`.execute(db),
  async (db) => {
    await sql`set local statement_timeout = '2ms'`.execute(db);
    return sql`select pg_sleep(1)`.execute(db);
  },
  // A query that is canceled from outside.
  async (db) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
    let asleep = true;
    const slept = sql`select pg_sleep(5)`.execute(db).finally(() => {
      asleep = false;
    });
    slept.catch(() => undefined);
    // The first may come before the query does, and then cancels nothing.
    while (asleep) await outside(`SELECT pg_cancel_backend(${rows[0]?.pid})`);
    return slept;
  },
  // A backend that is killed under it.
  async (db) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
    await outside(`SELECT pg_terminate_backend(${rows[0]?.pid})`);
    return sql`select 1`.execute(db);
  },
  // An error that is swallowed: the transaction is lost all the same.
  (db) => sql`select 1 / 0`.execute(db).catch(() => undefined),
  async (db) => sql`commit`.execute(db),
];

const admin = createPool({
  connectionString: database.adminUrl,
  applicationName: "test-outside",
  max: 4,
  statementTimeout: 30_000,
  lockTimeout: 10_000,
  idleInTransactionTimeout: 15_000,
  onConnectionLost: () => undefined,
});
beforeAll(() => () => admin.end());
const outside = (statement: string) => admin.query(statement);

/** Small and repeatable, so that a failure can be looked at again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Ten thousand transactions, mixed up, one in thirty of them with an accident; each looks at who it is. */
async function storm(ctx: TenancyContext, accidents: typeof ACCIDENTS): Promise<void> {
  const next = random(20_261_122);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)] as T;
  const committed = new Map<string, number>();
  const wrong: unknown[] = [];
  let started = 0;
  const one = async (): Promise<void> => {
    const tenant = pick(tenants);
    const accident = next() < 1 / 30 ? pick(accidents) : null;
    const nested = next() < 1 / 100 ? pick(tenants) : null;
    const messy = next() < 1 / 10;
    const work = async (db: Kysely<NotesTables>): Promise<void> => {
      const seen = await look(db);
      if (JSON.stringify(seen) !== JSON.stringify(own(tenant))) wrong.push({ seen, expected: own(tenant) });
      await db
        .insertInto("notes")
        .values({ body: `by ${tenant.key}` } as never)
        .execute();
      if (messy) {
        await sql`declare left_behind cursor with hold for select * from notes`.execute(db);
        await sql`select set_config('left.behind', ${tenant.key}, false), set_config('search_path', 'pg_catalog', false)`.execute(
          db,
        );
      }
      if (nested !== null)
        await withTenant(ctx, nested.row, async (inner: Kysely<NotesTables>) => {
          const innerSeen = await look(inner);
          if (JSON.stringify(innerSeen) !== JSON.stringify(own(nested)))
            wrong.push({ innerSeen, nested: nested.key });
        });
      await accident?.(db, ctx);
    };
    try {
      await withTenant(ctx, tenant.row, work);
      committed.set(tenant.key, (committed.get(tenant.key) ?? 0) + 1);
      if (accident !== null) wrong.push("an accident went unnoticed");
    } catch (error) {
      if (accident === null) wrong.push(error);
    }
  };
  // Three at once, so that a nested one always finds the fourth connection.
  const lane = async (): Promise<void> => {
    while (started < TRANSACTIONS) {
      started += 1;
      await one();
    }
  };
  const before = await counts();
  await Promise.all([lane(), lane(), lane()]);
  expect(wrong).toEqual([]);
  const after = await counts();
  for (const { key } of tenants) {
    expect(after.get(key)?.foreign).toBe(0);
    expect((after.get(key)?.own ?? 0) - (before.get(key)?.own ?? 0)).toBe(committed.get(key) ?? 0);
  }
}

/** Rows that each tenant wrote, counted from outside in each tenant's table; and those that aren't its own. */
async function counts(): Promise<Map<string, { own: number; foreign: number }>> {
  return withAdmin(database.adminUrl, async (client) => {
    const result = new Map<string, { own: number; foreign: number }>();
    for (const { key, row } of tenants) {
      const { rows } = await client.query(
        `SELECT count(*) FILTER (WHERE body = $1)::int AS own, count(*) FILTER (WHERE body NOT IN ($1, $2))::int AS foreign
         FROM ${row.schema_name}.notes`,
        [`by ${key}`, key],
      );
      result.set(key, rows[0]);
    }
    return result;
  });
}

describe("ten thousand transactions of fifty tenants through four connections", () => {
  it("never see another's row, role or path, whatever became of those before them", async () => {
    const ctx = withConnections(database.url, CONNECTIONS);
    await storm(ctx, ACCIDENTS);
    expect(ctx.placements.main.gateways.open).toBeLessThanOrEqual(CONNECTIONS);
  });

  it.runIf(hasPgBouncer)("nor through PgBouncer in transaction mode", { timeout: 240_000 }, async () => {
    await storm(withConnections(pooledUrl, 20), ACCIDENTS);
  });
});

describe("what a use leaves on a connection", () => {
  const next = (ctx: TenancyContext, tenant: TenantRow, statement: string) =>
    withTenant(ctx, tenant, (db: Kysely<NotesTables>) => sql.raw(statement).execute(db));
  const pair = (): [TenantRow, TenantRow] => {
    const [one, two] = tenants;
    if (one === undefined || two === undefined) throw new Error("there are no tenants");
    return [one.row, two.row];
  };

  it("a setting, a role, a path: gone", async () => {
    const ctx = withConnections(database.url, 1);
    const [one, two] = pair();
    await withTenant(ctx, one, async (db) => {
      await sql`select set_config('left.behind', 'a secret of one', false), set_config('statement_timeout', '1h', false),
        set_config('search_path', ${one.schema_name}, false), set_config('role', ${two.role_name}, false)`.execute(
        db,
      );
    });
    const seen = await next(
      ctx,
      two,
      "select nullif(current_setting('left.behind', true), '') as secret, current_setting('statement_timeout') as timeout, current_user as role, pg_backend_pid() as pid",
    );
    expect(seen.rows).toMatchObject([{ secret: null, timeout: "30s", role: two.role_name }]);
  });

  it("a cursor that outlives its transaction: closed", async () => {
    const ctx = withConnections(database.url, 1);
    const [one, two] = pair();
    await next(ctx, one, "declare loot cursor with hold for select * from notes");
    await expect(next(ctx, two, "fetch all from loot")).rejects.toMatchObject({ code: "34000" });
  });

  it("the last value of a sequence: forgotten", async () => {
    const ctx = withConnections(database.url, 1);
    const [one, two] = pair();
    await next(ctx, one, "insert into notes (body) values ('x')");
    await expect(next(ctx, two, "select lastval()")).rejects.toMatchObject({ code: "55000" });
  });

  it("a session's advisory lock, where locks were left open: given back", async () => {
    const ctx = withConnections(database.url, 1);
    const [one, two] = pair();
    const grant = (verb: string) =>
      outside(
        `${verb} EXECUTE ON FUNCTION pg_catalog.pg_advisory_lock(bigint) ${verb === "GRANT" ? "TO" : "FROM"} PUBLIC`,
      );
    await grant("GRANT");
    onTestFinished(async () => void (await grant("REVOKE")));
    await next(ctx, one, "select pg_advisory_lock(77)");
    await next(ctx, two, "select 1");
    const held = await outside("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 77");
    expect(held.rowCount).toBe(0);
  });

  it("a temporary table, where they were left open: dropped, and never taken for the tenant's own", async () => {
    const ctx = withConnections(database.url, 1);
    const [one, two] = pair();
    const { rows } = await outside("SELECT current_database() AS name");
    await outside(`GRANT TEMPORARY ON DATABASE ${rows[0].name} TO PUBLIC`);
    onTestFinished(
      async () => void (await outside(`REVOKE TEMPORARY ON DATABASE ${rows[0].name} FROM PUBLIC`)),
    );
    const seen = await withTenant(ctx, one, async (db: Kysely<NotesTables>) => {
      await sql`create temporary table notes (id int, body text)`.execute(db);
      await sql`insert into pg_temp.notes values (0, 'FAKE')`.execute(db);
      return look(db);
    });
    expect(seen.first).not.toBe("FAKE");
    await expect(next(ctx, two, "select * from pg_temp.notes")).rejects.toMatchObject({ code: "42P01" });
  });

  it("a query that took too long: its connection isn't used again, and nobody waits for it", async () => {
    const ctx = withConnections(database.url, 1, 200);
    const [one, two] = pair();
    await expect(next(ctx, one, "select pg_sleep(5)")).rejects.toMatchObject({ code: "57014" });
    const seen = await withTenant(ctx, two, look);
    expect(seen.role).toBe(two.role_name);
  });

  it("nested calls that need more connections than there are: refused in time, not stuck for ever", async () => {
    const ctx = withConnections(database.url, 1);
    const [one, two] = pair();
    await expect(
      withTenant(ctx, one, async () => withTenant(ctx, two, async () => undefined)),
    ).rejects.toThrow(/no connection/);
    await withTenant(ctx, one, async () => undefined);
  });
});

describe("tenants that log in as themselves", () => {
  it("may do so for the first time many times at once", async () => {
    const newcomer = tenants.at(-1) as ReadyTenant;
    const uses = Array.from({ length: 12 }, () => {
      const ctx = withConnections(database.url, 1);
      return withTenant(ctx, newcomer.row, look, { mode: "login" });
    });
    // A tenant has ten connections: two of twelve processes may have to wait for their turn in vain.
    const seen = (await Promise.allSettled(uses)).filter(({ status }) => status === "fulfilled");
    expect(seen.length).toBeGreaterThanOrEqual(10);
  });

  it("share the budget: many of them through few connections", async () => {
    const ctx = withConnections(database.url, 3);
    const queue = [...tenants, ...tenants].values();
    const lane = async (): Promise<void> => {
      for (const tenant of queue) {
        expect(await withTenant(ctx, tenant.row, look, { mode: "login" })).toEqual(own(tenant));
      }
    };
    // More than there are connections, and few enough that none waits for too long where each login takes its time.
    await Promise.all(Array.from({ length: 8 }, lane));
    expect(ctx.placements.main.logins.open).toBeLessThanOrEqual(3);
  });

  it.runIf(hasPgBouncer)("can do so through PgBouncer", async () => {
    const ctx = withConnections(pooledUrl, 3);
    const some = tenants.slice(0, 10);
    const seen = await Promise.all(
      some.map((tenant) => withTenant(ctx, tenant.row, look, { mode: "login" })),
    );
    expect(seen).toEqual(some.map(own));
  });

  it("get their password back when the server has lost it", async () => {
    const ctx = withConnections(database.url, 1);
    const [one] = tenants as [ReadyTenant];
    await withTenant(ctx, one.row, look, { mode: "login" });
    await outside(`ALTER ROLE ${one.row.role_name} PASSWORD 'something else'`);
    await ctx.placements.main.logins.drop(one.row.role_name);
    expect(await withTenant(ctx, one.row, look, { mode: "login" })).toEqual(own(one));
  });

  it("and gateways do too", async () => {
    const ctx = withConnections(database.url, 1);
    const [one] = tenants as [ReadyTenant];
    await outside(`ALTER ROLE tenantry_${ctx.installationId}_gateway_1 NOLOGIN PASSWORD NULL`);
    expect(await withTenant(ctx, one.row, look)).toEqual(own(one));
  });
});
