import { once } from "node:events";
import { type Kysely, sql } from "kysely";
import { from } from "pg-copy-streams";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../test/support/database.ts";
import {
  activeUsers,
  branch,
  type LimitedTenant,
  newTenant,
  openTransaction,
  passes,
  run,
  settled,
  users,
} from "../../../test/support/limits.ts";
import { untilBlocked } from "../../../test/support/locks.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { limitError, limitUse } from "./limits.ts";
import { placementOf } from "./placement.ts";
import { withTenant } from "./with-tenant.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const { ctx } = installation;
const owner = (await placementOf(ctx, { placement: "default" })).provisioning;

beforeAll(async () => {
  await installation.work();
});

describe("one place left, and two who want it", () => {
  it.each([
    ["READ COMMITTED", "TN101"],
    ["REPEATABLE READ", "40001"],
    ["SERIALIZABLE", "40001"],
  ])("%s: the second waits, and is refused when the first commits", async (isolation, refusal) => {
    const tenant = await newTenant(installation, 2);
    const first = await openTransaction(database, tenant, "first", isolation);
    const second = await openTransaction(database, tenant, "second", isolation);
    await first.query(users("first"));
    const outcome = settled(second.query(users("second")));
    await untilBlocked(database.adminUrl, "second");
    await first.query("COMMIT");
    expect(await outcome).toBe(refusal);
    expect(await activeUsers(ctx, tenant)).toBe(2);
  });

  it.each(["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])(
    "%s: the second gets it when the first rolls back",
    async (isolation) => {
      const tenant = await newTenant(installation, 2);
      const first = await openTransaction(database, tenant, "first", isolation);
      const second = await openTransaction(database, tenant, "second", isolation);
      await first.query(users("first"));
      const outcome = settled(second.query(users("second")));
      await untilBlocked(database.adminUrl, "second");
      await first.query("ROLLBACK");
      expect(await outcome).toBe("done");
      await second.query("COMMIT");
      expect(await activeUsers(ctx, tenant)).toBe(2);
    },
  );

  it("reactivating one and adding another are the same to it", async () => {
    const tenant = await newTenant(installation, 2);
    await run(ctx, tenant, users("resting", 1, false));
    const first = await openTransaction(database, tenant, "first");
    const second = await openTransaction(database, tenant, "second");
    await first.query("UPDATE users SET is_active = true WHERE username = 'resting1'");
    const outcome = settled(second.query(users("second")));
    await untilBlocked(database.adminUrl, "second");
    await first.query("COMMIT");
    expect(await outcome).toBe("TN101");
  });
});

describe("twenty at once", () => {
  it.each(["read committed", "repeatable read"])(
    "%s: fill what is left and not a place more",
    async (isolation) => {
      const tenant = await newTenant(installation, 6);
      const transactions = await Promise.all(
        Array.from({ length: 20 }, () => openTransaction(database, tenant, "one of twenty", isolation)),
      );
      const outcomes = await Promise.all(
        transactions.map((client, index) =>
          settled(client.query(users(`u${index}_`)).then(() => client.query("COMMIT"))).finally(() =>
            client.end(),
          ),
        ),
      );
      const done = outcomes.filter((outcome) => outcome === "done").length;
      if (isolation === "read committed") {
        expect(done).toBe(5);
        expect(outcomes.filter((outcome) => outcome === "TN101")).toHaveLength(15);
      }
      expect(await activeUsers(ctx, tenant)).toBe(1 + done);
      expect(done).toBeGreaterThanOrEqual(1);
      expect(done).toBeLessThanOrEqual(5);
    },
  );
});

describe("the limit holds, however rows come", () => {
  let tenant: LimitedTenant;
  beforeAll(async () => {
    tenant = await newTenant(installation, 4, 2);
    await run(ctx, tenant, "DELETE FROM users", users("resting", 5, false), branch("SECOND"));
  });

  const TOO_MANY: [name: string, statement: string][] = [
    ["INSERT … SELECT", users("many", 5)],
    [
      "VALUES",
      `INSERT INTO users (username, email) VALUES ${[1, 2, 3, 4, 5].map((n) => `('v${n}', 'v${n}@x.example')`).join(", ")}`,
    ],
    ["WITH", `WITH added AS (${users("with", 5)} RETURNING id) SELECT count(*) FROM added`],
    ["UPDATE", "UPDATE users SET is_active = true"],
    [
      "ON CONFLICT",
      `INSERT INTO users (username, email) SELECT 'resting' || n, 'resting' || n || '@x.example' FROM generate_series(1, 5) AS n
       ON CONFLICT (username) DO UPDATE SET is_active = true`,
    ],
    [
      "ON CONFLICT, some new and some there",
      `INSERT INTO users (username, email) SELECT 'resting' || n, 'resting' || n || '@x.example' FROM generate_series(3, 7) AS n
       ON CONFLICT (username) DO UPDATE SET is_active = excluded.is_active`,
    ],
    [
      "MERGE",
      `MERGE INTO users USING (SELECT 'resting' || n AS name FROM generate_series(3, 7) AS n) AS wanted ON users.username = wanted.name
       WHEN MATCHED THEN UPDATE SET is_active = true
       WHEN NOT MATCHED THEN INSERT (username, email) VALUES (name, name)`,
    ],
  ];
  it.each(TOO_MANY)("%s", async (_, statement) => {
    await expect(run(ctx, tenant, statement)).rejects.toMatchObject(passes("4 users", 5));
    expect(await activeUsers(ctx, tenant)).toBe(0);
  });

  it("COPY", async () => {
    const client = await openTransaction(database, tenant, "copying");
    const stream = client.query(from("COPY users (username, email) FROM STDIN"));
    stream.end(Array.from({ length: 5 }, (_, n) => `c${n}\tc${n}@x.example\n`).join(""));
    const [error] = await once(stream, "error");
    expect(limitError(error)).toMatchObject(passes("4 users", 5));
  });

  it("DO", async () => {
    const client = await openTransaction(database, tenant, "doing");
    await withAdmin(database.adminUrl, (admin) => admin.query("GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC"));
    const inserted = client.query(`DO $$ BEGIN
      FOR n IN 1..5 LOOP INSERT INTO users (username, email) VALUES ('d' || n, 'd' || n); END LOOP;
    END $$`);
    expect(limitError(await inserted.catch((error: unknown) => error))).toMatchObject(passes("4 users", 5));
  });

  it("and the same number within it is taken", async () => {
    await run(ctx, tenant, users("fits", 4), "DELETE FROM users WHERE username LIKE 'fits%'");
    expect(await activeUsers(ctx, tenant)).toBe(0);
  });

  it("for branches too", async () => {
    await expect(run(ctx, tenant, branch("THIRD"))).rejects.toMatchObject(passes("2 branches", 3));
    await run(ctx, tenant, "UPDATE branches SET is_active = false WHERE code = 'SECOND'", branch("THIRD"));
    await expect(
      run(ctx, tenant, "UPDATE branches SET is_active = true WHERE code = 'SECOND'"),
    ).rejects.toMatchObject({ code: "BRANCH_LIMIT_REACHED" });
  });
});

describe("a place", () => {
  it("is given back by deactivating, deleting and rolling back to a savepoint", async () => {
    const tenant = await newTenant(installation, 3);
    await run(ctx, tenant, users("two", 2));
    await run(ctx, tenant, users("inactive", 3, false));
    await expect(run(ctx, tenant, users("more"))).rejects.toMatchObject(passes("3 users", 4));
    await run(ctx, tenant, "UPDATE users SET is_active = false WHERE username = 'two1'", users("more"));
    await expect(
      run(ctx, tenant, "UPDATE users SET is_active = true WHERE username = 'two1'"),
    ).rejects.toMatchObject(passes("3 users", 4));
    await run(
      ctx,
      tenant,
      "DELETE FROM users WHERE username = 'more1'",
      "UPDATE users SET is_active = true WHERE username = 'two1'",
    );
    await run(ctx, tenant, "DELETE FROM users WHERE username = 'two1'");
    await run(ctx, tenant, "SAVEPOINT a", users("undone"), "ROLLBACK TO a", users("kept"));
    await withTenant(ctx, tenant, async (db: Kysely<object>) => {
      const inner = db.transaction().execute((nested) => sql.raw(users("nested")).execute(nested));
      await expect(inner).rejects.toMatchObject({ code: "TN101" });
      await sql.raw(users("outer", 1, false)).execute(db);
    });
    expect(await activeUsers(ctx, tenant)).toBe(3);
  });

  it("may change hands in one statement, also where all are taken", async () => {
    const tenant = await newTenant(installation, 2);
    await run(ctx, tenant, users("a"), users("b", 1, false));
    await run(ctx, tenant, "UPDATE users SET is_active = NOT is_active WHERE username IN ('a1', 'b1')");
    expect(await activeUsers(ctx, tenant)).toBe(2);
  });
});

describe("nobody waits who needn't", () => {
  it("neither another tenant, nor a sign-in, nor a reader", async () => {
    const [tenant, other] = [await newTenant(installation, 5), await newTenant(installation, 5)];
    const first = await openTransaction(database, tenant, "first");
    await first.query(users("first"));
    await run(ctx, other, users("other"));
    await run(
      ctx,
      tenant,
      "SET LOCAL lock_timeout = '500ms'",
      "UPDATE users SET last_login = now(), failed_login_attempts = 0, is_active = true",
      "UPDATE users SET is_active = false WHERE username = 'nobody'",
      users("inactive", 1, false),
    );
    await first.query("COMMIT");
  });

  it("and two that add users and branches in opposite orders don't wait in a circle", async () => {
    const tenant = await newTenant(installation, 5, 5);
    const first = await openTransaction(database, tenant, "first");
    const second = await openTransaction(database, tenant, "second");
    await first.query(users("first"));
    const waiting = settled(second.query(branch("SECOND")));
    await untilBlocked(database.adminUrl, "second");
    await first.query(branch("FIRST"));
    await first.query("COMMIT");
    expect(await waiting).toBe("done");
    await second.query(users("second"));
    await second.query("COMMIT");
    expect(await limitUse(ctx, tenant)).toEqual({
      users: { used: 3, max: 5 },
      branches: { used: 3, max: 5 },
    });
  });
});

it("the limits go along when a schema is renamed, and don't reach into another of the old name", async () => {
  const [tenant, other] = [await newTenant(installation, 2), await newTenant(installation, 9)];
  const renamed = { ...tenant, schema_name: "renamed" };
  await owner.query(`ALTER SCHEMA "${tenant.schema_name}" RENAME TO renamed`);
  await owner.query(`ALTER SCHEMA "${other.schema_name}" RENAME TO "${tenant.schema_name}"`);
  await run(ctx, renamed, users("second"));
  await expect(run(ctx, renamed, users("third"))).rejects.toMatchObject(passes("2 users", 3));
  await run(ctx, { ...other, schema_name: tenant.schema_name }, users("many", 5));
});
