import { isTransient, sqlState } from "@tenantry/schema";
import { orderRestore, type TenantRow, withTenant } from "@tenantry/tenancy";
import { sql } from "kysely";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase, withAdmin } from "./support/database.ts";
import { ledger } from "./support/ledger-blueprint.ts";
import { ended } from "./support/requests.ts";
import { backedUp, CALLER, order, restored } from "./support/restores.ts";
import { openTestInstallation, queueStores, type TestInstallation } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";

const ORDER = { blueprint: "ledger", adminUsername: undefined, adminPassword: undefined };
const ACCOUNTS = 20;
/** Transfers that lie there already: a backup of them takes its time. */
const FORMER = 100_000;
const WRITERS = 6;

const [{ redisUrl = null } = {}] = queueStores();
const [database, another] = [await createTestDatabase(), await createTestDatabase()];
const open = ({ url }: TestDatabase, version?: number, backupDirectory?: string): Promise<TestInstallation> =>
  openTestInstallation({
    databaseUrl: url,
    redisUrl,
    blueprints: [ledger(version)],
    ...(backupDirectory === undefined ? {} : { backupDirectory }),
  });

async function ask<T extends object>(statement: string, { adminUrl } = database): Promise<T[]> {
  return withAdmin(adminUrl, async (client) => (await client.query<T>(statement)).rows);
}

/** No money was made or lost: each account is what its entries say, and each transfer has both of its sides. */
async function expectBalanced(schema: string): Promise<void> {
  const [found] = await ask(`
    SELECT (SELECT sum(balance)::int FROM ${schema}.accounts) AS balance,
      (SELECT count(*)::int FROM ${schema}.accounts AS account
        WHERE balance <> (SELECT coalesce(sum(amount), 0) FROM ${schema}.entries WHERE account = account.id)) AS wrong,
      (SELECT count(*)::int FROM (SELECT FROM ${schema}.entries GROUP BY note HAVING count(*) <> 2 OR sum(amount) <> 0) AS half) AS half`);
  expect(found).toEqual({ balance: 0, wrong: 0, half: 0 });
}

async function notesIn(schema: string): Promise<Set<string>> {
  const rows = await ask<{ note: string }>(`SELECT DISTINCT note FROM ${schema}.entries`);
  return new Set(rows.map(({ note }) => note));
}

describe("a tenant that is written at all the time", () => {
  let installation: TestInstallation;
  let tenant: TenantRow;
  let key: string;

  beforeAll(async () => {
    installation = await open(database);
    await installation.work();
    const [made] = await readyTenants(installation, 1, ORDER);
    if (made === undefined) throw new Error("no tenant");
    ({ row: tenant, key } = made);
    const { schema_name: schema } = tenant;
    await ask(`
      INSERT INTO ${schema}.entries (account, amount, note)
        SELECT (n + side) % ${ACCOUNTS} + 1, CASE side WHEN 0 THEN n ELSE -n END, 'former ' || n
        FROM generate_series(1, ${FORMER}) AS n, generate_series(0, 1) AS side;
      UPDATE ${schema}.accounts SET balance = (SELECT sum(amount) FROM ${schema}.entries WHERE account = accounts.id)`);
    await expectBalanced(schema);
  });

  /** Applications that transfer without a pause. `acknowledged`: those that they were told are saved. */
  function startWriting(name: string) {
    const acknowledged: string[] = [];
    const refused: unknown[] = [];
    let going = true;
    let count = 0;
    const transfer = async (): Promise<void> => {
      count += 1;
      const note = `${name} ${count}`;
      const [from, to] = [(count % ACCOUNTS) + 1, ((count + 7) % ACCOUNTS) + 1];
      try {
        await withTenant(installation.ctx, tenant, (db) =>
          sql`with moved as (
              insert into entries (account, amount, note)
              values (${from}::int, ${count}::bigint, ${note}::text), (${to}::int, -${count}::bigint, ${note}::text))
            update accounts set balance = balance + case id when ${from}::int then ${count}::bigint else -${count}::bigint end
            where id in (${from}::int, ${to}::int)`.execute(db),
        );
        acknowledged.push(note);
      } catch (error) {
        refused.push(error);
      }
    };
    const writers = Array.from({ length: WRITERS }, async () => {
      while (going) await transfer();
    });
    return {
      acknowledged,
      refused,
      stop: async () => {
        going = false;
        await Promise.all(writers);
      },
    };
  }

  it("has backups that agree with themselves, each as it was at one moment", async () => {
    const writing = startWriting("backup");
    const before = writing.acknowledged.length;
    const backups = [await backedUp(installation, key), await backedUp(installation, key)];
    expect(writing.acknowledged.length).toBeGreaterThan(before + 20);
    await writing.stop();
    const acknowledged = new Set(writing.acknowledged);
    const sizes: number[] = [];
    for (const { id } of backups) {
      const { schema } = await restored(installation, id, "copy");
      await expectBalanced(schema);
      const notes = await notesIn(schema);
      sizes.push(notes.size);
      expect(notes.size).toBeGreaterThanOrEqual(FORMER);
      for (const note of notes) expect(note.startsWith("former") || acknowledged.has(note)).toBe(true);
    }
    expect(sizes[1]).toBeGreaterThan(sizes[0] ?? 0);
    await expectBalanced(tenant.schema_name);
  });

  it("loses nothing that an application was told is saved when a backup replaces it", async () => {
    const { id } = await backedUp(installation, key);
    const inBackup = await notesIn(tenant.schema_name);
    const writing = startWriting("restore");
    const { operationId } = await restored(installation, id, "replace");
    const [already] = [writing.acknowledged.length];
    for (const deadline = Date.now() + 30_000; writing.acknowledged.length < already + 20; ) {
      if (Date.now() > deadline) throw new Error("nobody writes any more");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await writing.stop();
    const kept = `before_restore_${operationId.replaceAll("-", "")}`;
    await expectBalanced(kept);
    await expectBalanced(tenant.schema_name);
    const [old, now] = [await notesIn(kept), await notesIn(tenant.schema_name)];
    for (const note of inBackup) expect(old.has(note) && now.has(note)).toBe(true);
    const places = writing.acknowledged.map((note) => Number(old.has(note)) + Number(now.has(note)));
    expect(places.filter((number) => number !== 1)).toEqual([]);
    expect(writing.acknowledged.filter((note) => old.has(note)).length).toBeGreaterThan(0);
    expect(writing.acknowledged.filter((note) => now.has(note)).length).toBeGreaterThan(0);
    // A deadlock among the applications themselves, at most.
    expect(writing.refused.filter((error) => !isTransient(error)).map(sqlState)).toEqual([]);
  });
});

describe("a backup of another version", () => {
  it("is restored as it was and brought to today's; one of a later version is refused", async () => {
    const older = await open(another, 1);
    const worker = await older.work();
    const [made] = await readyTenants(older, 1, ORDER);
    if (made === undefined) throw new Error("no tenant");
    const { key, row } = made;
    const before = await backedUp(older, key);
    expect(before.version).toBe("0001_ledger");
    await worker.close();

    const today = await open(another, 2, older.backupDirectory);
    const working = await today.work();
    const replaced = await restored(today, before.id, "replace");
    const copied = await restored(today, before.id, "copy");
    for (const { schema, version } of [replaced, copied]) {
      expect(version).toBe("0002_currency");
      expect(await ask(`SELECT DISTINCT currency FROM ${schema}.accounts`, another)).toEqual([
        { currency: "EUR" },
      ]);
      expect(await ask(`SELECT name FROM ${schema}.kysely_migration ORDER BY name`, another)).toEqual([
        { name: "0001_ledger" },
        { name: "0002_currency" },
      ]);
      const tenant = await today.ctx.control
        .selectFrom("tenants")
        .select(["state", "version"])
        .where("schema_name", "=", schema)
        .executeTakeFirst();
      expect(tenant).toEqual({ state: "ready", version: "0002_currency" });
    }
    const after = await backedUp(today, key);
    await working.close();

    const back = await older.work();
    const operationId = await order(older, after.id, "replace");
    expect(await ended(older, operationId)).toMatchObject({
      state: "failed",
      error: { code: "RESTORE_FAILED", detail: expect.stringContaining("0002_currency") },
    });
    await back.close();
    expect(await ask(`SELECT count(*)::int AS n FROM ${row.schema_name}.accounts`, another)).toEqual([
      { n: ACCOUNTS },
    ]);
    // It isn't the archive's fault.
    const { trouble } = await older.ctx.control
      .selectFrom("backups")
      .select("trouble")
      .where("id", "=", after.id)
      .executeTakeFirstOrThrow();
    expect(trouble).toBeNull();

    const other = await openTestInstallation({ databaseUrl: another.url, redisUrl });
    await expect(orderRestore(other.ctx, { id: before.id, mode: "copy" }, CALLER)).rejects.toMatchObject({
      code: "BLUEPRINT_UNKNOWN",
    });
  });
});
