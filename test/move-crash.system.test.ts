import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { cancelOperation, confirmMove, retryOperation } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { type TestDatabase, withAdmin } from "./support/database.ts";
import { endSessionsOf, hold, untilBlocked } from "./support/locks.ts";
import { queueStores } from "./support/tenantry.ts";
import type { ReadyTenant } from "./support/tenants.ts";
import { leftBy, MOVER, openTwoServers } from "./support/two-servers.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

const CLI = fileURLToPath(new URL("../apps/cli/src/main.ts", import.meta.url));
/** Any number that nobody else locks. */
const GATE = 4_242;
const ROWS = 10;

/** A tenant with rows, whose move is accepted. */
interface Leaving extends ReadyTenant {
  readonly operationId: string;
}

describe.each(queueStores())(
  "a worker that dies while it moves a tenant, queue on $name",
  async ({ redisUrl }) => {
    const servers = await openTwoServers({ redisUrl });
    const { installation, first, second, write, itemsOf } = servers;
    const { ctx } = installation;

    async function filled(): Promise<ReadyTenant> {
      const [tenant] = await servers.atHome();
      if (tenant === undefined) throw new Error("no tenant");
      await servers.ask(
        tenant.row,
        `INSERT INTO ${tenant.row.schema_name}.items SELECT generate_series(1, ${ROWS})`,
      );
      return tenant;
    }

    const stored = async (): Promise<string[]> => {
      const names: string[] = [];
      for await (const { name } of ctx.backups.store.list("")) names.push(name);
      return names.sort();
    };

    /** No archive without a backup, no backup without its archive, and no note of either. */
    async function expectTidyStore(): Promise<void> {
      expect(await ctx.control.selectFrom("backup_attempts").selectAll().execute()).toEqual([]);
      const ready = await ctx.control
        .selectFrom("backups")
        .select("name")
        .where("state", "=", "ready")
        .execute();
      expect(await stored()).toEqual(ready.map(({ name }) => name).sort());
    }

    /**
     * In one place, whole, and in use; on the other server only what is dropped when it is confirmed.
     *
     * @param confirming somebody had begun to
     */
    async function expectMoved(
      { key, row, operationId }: Leaving,
      rows: number,
      { confirming = false } = {},
    ): Promise<void> {
      expect(await servers.tenantNow(key)).toMatchObject({ placement: "second", state: "ready" });
      expect(await itemsOf(key)).toBe(rows);
      expect(await servers.schemasOn(second.adminUrl, row.schema_name)).toEqual([row.schema_name]);
      const left = await servers.schemasOn(first.adminUrl, row.schema_name);
      if (!confirming) expect(left).toEqual([leftBy(operationId)]);
      await expectTidyStore();
      await confirmMove(ctx, { licenseKey: key }, MOVER.actor);
      expect(await servers.schemasOn(first.adminUrl, row.schema_name)).toEqual([]);
      expect(await rolesOn(first, row.role_name)).toEqual([]);
      expect(await rolesOn(second, row.role_name)).toEqual([row.role_name]);
      expect(await ctx.control.selectFrom("kept_schemas").selectAll().execute()).toEqual([]);
      await write(key);
      expect(await itemsOf(key)).toBe(rows + 1);
    }

    const rolesOn = ({ adminUrl }: TestDatabase, role: string): Promise<string[]> =>
      withAdmin(adminUrl, async (client) => {
        const { rows } = await client.query("SELECT rolname FROM pg_roles WHERE rolname = $1", [role]);
        return rows.map(({ rolname }) => rolname);
      });

    /** Where it was, whole, and in use; nothing on the other server. */
    async function expectAtHome({ key, row }: Leaving, rows: number): Promise<void> {
      expect(await servers.tenantNow(key)).toMatchObject({ placement: "default", state: "ready" });
      expect(await itemsOf(key)).toBe(rows);
      expect(await servers.schemasOn(first.adminUrl, row.schema_name)).toEqual([row.schema_name]);
      expect(await servers.schemasOn(second.adminUrl, row.schema_name)).toEqual([]);
      await expectTidyStore();
    }

    /** Where the worker is stopped: by whom on which server, and which of its connections comes to wait for it. */
    interface Step {
      readonly at: string;
      /** None: it stops where all do first, before the tenant's writers are kept out. */
      readonly lock: ((schema: string) => string) | null;
      readonly on: TestDatabase;
      readonly waits: "control" | "provisioning";
      /** On which servers the schema lies under its own name when the worker is gone. */
      readonly lies: readonly ("first" | "second")[];
    }

    const steps = {
      unread: {
        at: "before a row was read",
        lock: null,
        on: first,
        waits: "provisioning",
        lies: ["first"],
      },
      reading: {
        at: "while the rows are read",
        lock: () => "LOCK TABLE tenantry.operations IN ACCESS EXCLUSIVE MODE",
        on: first,
        waits: "control",
        lies: ["first"],
      },
      loading: {
        at: "in the middle of the rows on the new server",
        lock: () => `SELECT pg_advisory_xact_lock(${GATE})`,
        on: second,
        waits: "provisioning",
        lies: ["first"],
      },
      copied: {
        at: "with the copy whole and the old schema not yet closed",
        lock: () => "LOCK TABLE tenantry.moves IN SHARE MODE",
        on: first,
        waits: "control",
        lies: ["first", "second"],
      },
      closing: {
        at: "when the old schema is about to be closed",
        lock: (schema) => `GRANT USAGE ON SCHEMA ${schema} TO pg_monitor`,
        on: first,
        waits: "provisioning",
        lies: ["first", "second"],
      },
      closed: {
        at: "with the old schema closed and nobody told",
        lock: () => "LOCK TABLE tenantry.kept_schemas IN ACCESS EXCLUSIVE MODE",
        on: first,
        waits: "control",
        lies: ["second"],
      },
    } satisfies Record<string, Step>;

    /** Rows of this tenant come to a gate when they are written. */
    function gated(schema: string): Promise<unknown> {
      return withAdmin(first.url, (client) =>
        client.query(`
        CREATE FUNCTION ${schema}.gate(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
          'BEGIN IF $1 = ${ROWS / 2} THEN PERFORM pg_advisory_xact_lock_shared(${GATE}); END IF; RETURN $1; END';
        ALTER TABLE ${schema}.items ADD COLUMN gated int GENERATED ALWAYS AS (${schema}.gate(id)) STORED`),
      );
    }

    /** Its writers are out: it reads, or has read. */
    async function untilReading(schema: string): Promise<void> {
      await withAdmin(first.adminUrl, (client) =>
        expect
          .poll(
            async () => {
              const locks = await client.query(
                `SELECT FROM pg_locks WHERE granted AND mode = 'ShareLock' AND relation = '${schema}.items'::regclass`,
              );
              return locks.rowCount;
            },
            { timeout: 30_000 },
          )
          .toBe(1),
      );
    }

    /** Has a worker die at that step of a tenant's move. */
    async function killedAt({ lock, on, waits, lies }: Step): Promise<Leaving> {
      const worker = await startWorkerProcess(first.url, redisUrl, installation.backupDirectory);
      const tenant = await filled();
      const { schema_name: schema } = tenant.row;
      await gated(schema);
      const writer = await hold(first.adminUrl, `LOCK TABLE ${schema}.items IN ROW EXCLUSIVE MODE`);
      const operationId = await servers.moving(tenant.key);
      await untilBlocked(first.adminUrl, `tenantry-${worker.role}-provisioning`);
      let release = writer;
      if (lock !== null) {
        release = await hold(on.adminUrl, lock(schema));
        await writer();
        await untilReading(schema);
        await untilBlocked(on.adminUrl, `tenantry-${worker.role}-${waits}`);
      }
      await worker.kill();
      for (const { adminUrl } of [first, second]) await endSessionsOf(adminUrl, worker.role);
      await release();
      for (const [name, { adminUrl }] of Object.entries({ first, second })) {
        const found = await servers.schemasOn(adminUrl, schema);
        expect(found.includes(schema), name).toBe(lies.some((server) => server === name));
      }
      return { ...tenant, operationId };
    }

    const { closed, closing, ...early } = steps;

    it.each([...Object.values(early), closing])(
      "$at leaves it in use where it was, and another finishes",
      async (step) => {
        const tenant = await killedAt(step);
        await write(tenant.key);
        expect(await servers.carryOn(tenant.operationId)).toMatchObject({ kind: "succeeded" });
        await expectMoved(tenant, ROWS + 1);
      },
    );

    it(`${closed.at} leaves it whole on the new server, which another says`, async () => {
      const tenant = await killedAt(closed);
      await expect(cancelOperation(ctx, tenant.operationId, MOVER)).rejects.toMatchObject({
        code: "STATE_CONFLICT",
      });
      expect(await servers.carryOn(tenant.operationId)).toMatchObject({ kind: "succeeded" });
      await expectMoved(tenant, ROWS);
    });

    it.each([steps.loading, steps.copied])("$at lets it be called off, and taken up again", async (step) => {
      const tenant = await killedAt(step);
      await cancelOperation(ctx, tenant.operationId, MOVER);
      expect(await servers.carryOn(tenant.operationId)).toMatchObject({ kind: "canceled" });
      await expectAtHome(tenant, ROWS);
      await write(tenant.key);
      await retryOperation(ctx, tenant.operationId, MOVER);
      expect(await servers.carryOn(tenant.operationId)).toMatchObject({ kind: "succeeded" });
      await expectMoved(tenant, ROWS + 1);
    });

    it.each([
      {
        at: "before the first table is dropped",
        lock: (schema: string) => `LOCK TABLE ${schema}.items IN ACCESS SHARE MODE`,
        waits: "provisioning",
      },
      {
        at: "between the schema and the role",
        lock: (_: string, key: string) =>
          `SELECT FROM tenantry.tenants JOIN tenantry.licenses ON licenses.id = license_id WHERE key = '${key}' FOR UPDATE OF tenants`,
        waits: "control",
      },
      {
        at: "with all gone but the note",
        lock: () => "LOCK TABLE tenantry.kept_schemas IN SHARE MODE",
        waits: "control",
      },
    ])(
      "whoever confirms it being killed $at leaves what is to be confirmed again",
      async ({ lock, waits }) => {
        const maker = await installation.work();
        const tenant = await filled();
        await maker.close();
        const operationId = await servers.moving(tenant.key);
        expect(await servers.carryOn(operationId)).toMatchObject({ kind: "succeeded" });
        const release = await hold(first.adminUrl, lock(leftBy(operationId), tenant.key));
        const child = spawn(process.execPath, [CLI, "tenant", "confirm-move", tenant.key, "--yes"], {
          env: { PATH: process.env.PATH, DATABASE_URL: first.url, DATA_DIR: installation.backupDirectory },
          stdio: "ignore",
        });
        const gone = once(child, "exit");
        await untilBlocked(first.adminUrl, `tenantry-cli-${waits}`);
        child.kill("SIGKILL");
        expect(await gone).toEqual([null, "SIGKILL"]);
        await endSessionsOf(first.adminUrl, "cli");
        await release();
        await write(tenant.key);
        await expectMoved({ ...tenant, operationId }, ROWS + 1, { confirming: true });
      },
    );
  },
);
