import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { compileBlueprint } from "../blueprint/compile.ts";
import { erp } from "../blueprints/erp/index.ts";
import { quoteIdentifier } from "../identifier.ts";
import type { PoolClient } from "../pool.ts";
import { MARKER_TABLE } from "../tenant/marker.ts";
import { provisionTenant } from "../tenant/provision.ts";
import { dropKeptSchema } from "./drop-kept-schema.ts";
import type { LoadOutcome } from "./load-snapshot.ts";
import { migrateLoaded } from "./migrate-loaded.ts";
import { swapSchemas } from "./swap-schemas.ts";
import type { KeptSnapshot } from "./testing/kept-snapshot.ts";
import { newName, openSnapshotDatabase } from "./testing/snapshot-database.ts";

const { exists, gateway, load, makeSchema, pool, run, take } = await openSnapshotDatabase();

describe("a swap", () => {
  const tenantId = "01890000-0000-7000-8000-000000000001";
  const TENANT = `CREATE TABLE ${MARKER_TABLE} (tenant_id uuid PRIMARY KEY, operation_id uuid NOT NULL); INSERT INTO ${MARKER_TABLE} VALUES ('${tenantId}', '${tenantId}');
    CREATE TABLE t (id serial PRIMARY KEY, n int); INSERT INTO t (n) VALUES (1)`;

  async function makeTenant(more = ""): Promise<{ schema: string; role: string; kept: KeptSnapshot }> {
    const made = await take(await makeSchema(TENANT + more));
    const [schema, role] = [newName("tenant"), newName("role")];
    await load(made.source(), { schema, role, gateway });
    return { schema, role, kept: await take(schema) };
  }

  function restore(
    tenant: { schema: string; role: string; kept: KeptSnapshot },
    keptAs: string,
  ): Promise<LoadOutcome> {
    const loaded = newName("restoring");
    return load(tenant.kept.source(), {
      schema: loaded,
      role: tenant.role,
      gateway,
      finish: async (client: PoolClient) => {
        await swapSchemas(client, { tenantId, schema: tenant.schema, loaded, keptAs, role: tenant.role });
        return "commit";
      },
    });
  }

  it("loses no row that a logged-in user was told is saved", async () => {
    const tenant = await makeTenant();
    const keptAs = newName("before");
    const name = quoteIdentifier(tenant.schema);
    // A prepared plan, and an open transaction that has written.
    const [planned, open] = [await pool.connect(), await pool.connect()];
    await planned.query({ name: "insert", text: `INSERT INTO ${name}.t (n) VALUES ($1)`, values: [2] });
    await open.query(`BEGIN; SET LOCAL search_path = ${name}; INSERT INTO t (n) VALUES (3)`);
    const restoring = restore(tenant, keptAs);
    let done = false;
    void restoring.then(() => {
      done = true;
    });
    await pause(300);
    expect(done).toBe(false);
    const blocked = planned.query({
      name: "insert",
      text: `INSERT INTO ${name}.t (n) VALUES ($1)`,
      values: [4],
    });
    await open.query("INSERT INTO t (n) VALUES (5); COMMIT");
    expect((await restoring).kind).toBe("loaded");
    await blocked;
    await planned.query({ name: "insert", text: `INSERT INTO ${name}.t (n) VALUES ($1)`, values: [6] });
    await open.query(`BEGIN; SET LOCAL search_path = ${name}; INSERT INTO t (n) VALUES (7); COMMIT`);
    for (const client of [planned, open]) client.release(true);
    const numbers = async (schema: string): Promise<number[]> =>
      (await pool.query(`SELECT n FROM ${quoteIdentifier(schema)}.t ORDER BY n`)).rows.map(({ n }) => n);
    const [old, now] = [await numbers(keptAs), await numbers(tenant.schema)];
    expect(old).toEqual(expect.arrayContaining([1, 2, 3, 5]));
    expect(now).toEqual(expect.arrayContaining([1, 6, 7]));
    expect([...old, ...now].filter((n) => n === 4)).toHaveLength(1);
    expect(old).not.toContain(6);
    const [rights] =
      await run(`SELECT has_schema_privilege(${pg.escapeLiteral(tenant.role)}, ${pg.escapeLiteral(keptAs)}, 'USAGE') AS old,
      has_schema_privilege(${pg.escapeLiteral(tenant.role)}, ${pg.escapeLiteral(tenant.schema)}, 'USAGE') AS now`);
    expect(rights?.rows).toEqual([{ old: false, now: true }]);
  });

  it("leaves functions working on the tenant's own tables, whatever path they set", async () => {
    const made = newName("tenant");
    const own = quoteIdentifier(made);
    const work = "LANGUAGE sql AS 'INSERT INTO t (n) SELECT given RETURNING n'";
    const first = await take(
      await makeSchema(
        `${TENANT}; CREATE FUNCTION "ad""d"(given int) RETURNS int SET search_path = ${own}, pg_temp ${work};
         CREATE FUNCTION plain(given int) RETURNS int SET search_path = pg_catalog LANGUAGE sql AS 'SELECT given'`,
        made,
      ),
    );
    const role = newName("role");
    await run(`ALTER SCHEMA ${own} RENAME TO ${quoteIdentifier(newName("gone"))}`);
    await load(first.source(), { schema: made, role, gateway });
    const tenant = { schema: made, role, kept: await take(made) };
    const keptAs = newName("before");
    await restore(tenant, keptAs);
    await run(`SELECT ${own}."ad""d"(77)`);
    const inserted = async (schema: string): Promise<unknown[]> =>
      (await pool.query(`SELECT n FROM ${quoteIdentifier(schema)}.t WHERE n = 77`)).rows;
    expect(await inserted(made)).toEqual([{ n: 77 }]);
    expect(await inserted(keptAs)).toEqual([]);
    const [paths] = await run(
      `SELECT proname AS name, proconfig AS settings FROM pg_proc WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = ${pg.escapeLiteral(made)}) ORDER BY proname`,
    );
    expect(paths?.rows).toEqual([
      { name: 'ad"d', settings: [`search_path=${own}, pg_temp`] },
      { name: "plain", settings: ["search_path=pg_catalog"] },
    ]);
  });

  it("lets a writer go first who holds what it waits for, and waits for what it holds", async () => {
    const tenant = await makeTenant("; CREATE TABLE a (n int); CREATE TABLE z (n int)");
    const name = quoteIdentifier(tenant.schema);
    const writer = await pool.connect();
    await writer.query(`BEGIN; INSERT INTO ${name}.z VALUES (1)`);
    const restoring = restore(tenant, newName("before"));
    await expect
      .poll(
        async () => {
          const [waits] = await run(
            "SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND mode = 'ShareLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
          );
          return waits?.rows[0].n;
        },
        { timeout: 60_000 },
      )
      .toBe(1);
    // A deadlock from here on. Who began to wait first notices it first, and is to be us.
    await writer.query(`INSERT INTO ${name}.a VALUES (2)`);
    await writer.query("COMMIT");
    writer.release();
    expect((await restoring).kind).toBe("loaded");
  });

  it("refuses another tenant's schema, and nothing changes", async () => {
    const tenant = await makeTenant();
    const table = `${quoteIdentifier(tenant.schema)}.${MARKER_TABLE}`;
    await run(`UPDATE ${table} SET tenant_id = '01890000-0000-7000-8000-000000000002'`);
    const keptAs = newName("before");
    await expect(restore(tenant, keptAs)).rejects.toThrow(
      expect.objectContaining({ name: "SwapRefusedError" }),
    );
    expect(await exists(keptAs)).toBe(false);
    expect(await exists(tenant.schema)).toBe(true);
  });

  it("keeps the old schema until it is dropped, which only its tenant may", async () => {
    const tenant = await makeTenant();
    const keptAs = newName("before");
    await restore(tenant, keptAs);
    const drop = (id: string): Promise<boolean> =>
      dropKeptSchema(pool, {
        keptAs,
        tenantId: id,
        mayProceed: async () => true,
        onProgress: () => undefined,
      });
    expect(await drop("01890000-0000-7000-8000-000000000002")).toBe(true);
    expect(await exists(keptAs)).toBe(true);
    expect(await drop(tenantId)).toBe(true);
    expect(await exists(keptAs)).toBe(false);
    expect(await exists(tenant.schema)).toBe(true);
  });
});

describe("an older version's snapshot", () => {
  it("is restored as it was, and then brought to today's", async () => {
    const today = await compileBlueprint(erp);
    const migrations = today.migrations.slice(0, -1);
    // Its own default data is for tables of today.
    const blueprint = { ...today.blueprint, seed: async () => undefined };
    const older = {
      ...today,
      blueprint,
      commonSeedScript: "",
      migrations,
      createScript: migrations.map(({ sql }) => sql).join(""),
    };
    const provision = async (blueprint: typeof today): Promise<string> => {
      const schema = newName("erp");
      const license = {
        key: "K",
        clientName: "C",
        email: null,
        phone: null,
        company: null,
        maxUsers: 1,
        maxBranches: 1,
      };
      const made = await provisionTenant(pool, {
        tenantId: "01900000-0000-7000-8000-000000000001",
        operationId: "01900000-0000-7000-8000-000000000002",
        schema,
        role: newName("role"),
        gateway,
        blueprint,
        seed: {
          license,
          admin: { username: "admin", passwordHash: "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA" },
          parameters: {},
        },
        mayProceed: async () => true,
        onStep: () => undefined,
      });
      expect(made).toEqual({ kind: "created" });
      return schema;
    };
    const kept = await take(await provision(older));
    expect(kept.contents.ledger).toEqual(migrations.map(({ name }) => name));
    const [schema, role] = [newName("loaded"), newName("role")];
    let locks = 0;
    const outcome = await load(kept.source(), {
      schema,
      role,
      gateway,
      finish: async (client) => {
        await migrateLoaded(client, today, kept.contents.ledger);
        const { rows } = await client.query(
          "SELECT count(*)::int AS n FROM pg_locks WHERE pid = pg_backend_pid()",
        );
        locks = rows[0].n;
        return "commit";
      },
    });
    expect(outcome).toMatchObject({ kind: "loaded", figures: { definitionCompared: true } });
    // A server as it comes has room for 6,400.
    expect(locks).toBeLessThan(1500);
    const now = await take(schema);
    expect(now.contents.ledger).toEqual(today.migrations.map(({ name }) => name));
    const fresh = await take(await provision(today));
    expect(now.contents.tables).toEqual(fresh.contents.tables);
    expect(now.contents.fingerprint).toBe(fresh.contents.fingerprint);
    await expect(
      load(kept.source(), {
        finish: async (client) => {
          await migrateLoaded(client, older, [...kept.contents.ledger, "9999_unknown"]);
          return "commit";
        },
      }),
    ).rejects.toThrow(expect.objectContaining({ name: "UnknownMigrationsError" }));
  });
});
