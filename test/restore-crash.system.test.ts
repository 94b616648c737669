import { setTimeout as wait } from "node:timers/promises";
import { announceAgain } from "@tenantry/jobs";
import type { RestoreMode } from "@tenantry/schema";
import { cancelOperation, type RestoreResult, retryOperation } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { endSession, hold, untilBlocked } from "./support/locks.ts";
import { ended } from "./support/requests.ts";
import { backedUp, CALLER, order, restoreSchemas } from "./support/restores.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

const TENANT_SCHEMA_LOCK = 0x74_6e_00_02;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

/** A restore that is asked for, and what it is about. */
interface Doomed {
  readonly operationId: string;
  /** Of the original. */
  readonly schema: string;
  /** That it is to come back into. */
  readonly target: string;
  readonly mode: RestoreMode;
  readonly rows: number;
}

describe.each(queueStores())("a restore, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [tiny],
  });
  const { ctx } = installation;
  const ask = (statement: string) =>
    withAdmin(database.adminUrl, async (client) => (await client.query(statement)).rows);
  const victim = () => startWorkerProcess(database.url, redisUrl, installation.backupDirectory);

  /** Backed up with so many rows, and one written since. */
  async function doomed(mode: RestoreMode, rows = 10): Promise<Doomed> {
    const maker = await installation.work();
    const [tenant] = await readyTenants(installation, 1, ORDER);
    if (tenant === undefined) throw new Error("no tenant");
    const { schema_name: schema } = tenant.row;
    await ask(`INSERT INTO ${schema}.items SELECT generate_series(1, ${rows})`);
    const { id } = await backedUp(installation, tenant.key);
    await maker.close();
    await ask(`INSERT INTO ${schema}.items VALUES (0)`);
    const operationId = await order(installation, id, mode);
    const { schema_name: target } = await ctx.control
      .selectFrom("restores")
      .innerJoin("tenants", "tenants.id", "restores.tenant_id")
      .select("schema_name")
      .where("operation_id", "=", operationId)
      .executeTakeFirstOrThrow();
    return { operationId, schema, target, mode, rows };
  }

  const hex = (id: string): string => id.replaceAll("-", "");
  const countIn = async (schema: string): Promise<number | null> => {
    const [found] = await ask(`SELECT to_regclass('${schema}.items') IS NOT NULL AS there`);
    return found.there ? (await ask(`SELECT count(*)::int AS n FROM ${schema}.items`))[0].n : null;
  };

  /** Nothing of the restore is to be seen. */
  async function expectUntouched({ schema, target, mode, rows, operationId }: Doomed): Promise<void> {
    expect(await countIn(schema)).toBe(rows + 1);
    if (mode === "copy") expect(await countIn(target)).toBeNull();
    const { loading, kept } = await restoreSchemas(database.adminUrl);
    expect(loading).toEqual([]);
    expect(kept).not.toContain(`before_restore_${hex(operationId)}`);
  }

  /** All of it is, once. */
  async function expectInPlace({ schema, target, mode, rows, operationId }: Doomed): Promise<void> {
    const kept = `before_restore_${hex(operationId)}`;
    expect(await countIn(target)).toBe(rows);
    expect(await countIn(mode === "copy" ? schema : kept)).toBe(rows + 1);
    const names = await restoreSchemas(database.adminUrl);
    expect(names.loading).toEqual([]);
    expect(names.kept.includes(kept)).toBe(mode === "replace");
  }

  async function expectDone(restore: Doomed): Promise<void> {
    const { operationId, mode, target } = restore;
    const row = await ended(installation, operationId);
    expect(row).toMatchObject({ state: "succeeded", error: null });
    await expectInPlace(restore);
    const kept = await ctx.control
      .selectFrom("kept_schemas")
      .select(["id", "schema_name"])
      .where("operation_id", "=", operationId)
      .execute();
    const { keptSchemaId } = row.result as RestoreResult;
    expect(kept).toEqual(
      mode === "copy" ? [] : [{ id: keptSchemaId, schema_name: `before_restore_${hex(operationId)}` }],
    );
    const [tenant] = await ask(
      `SELECT state, license_id FROM tenantry.tenants WHERE schema_name = '${target}'`,
    );
    expect(tenant.state).toBe("ready");
    expect(
      await ask(
        `SELECT type FROM tenantry.license_events WHERE license_id = '${tenant.license_id}' ORDER BY id`,
      ),
    ).toEqual([{ type: "created" }, { type: "restored" }]);
    expect(
      await ask(
        `SELECT count(*)::int AS n FROM tenantry.operation_events WHERE operation_id = '${operationId}' AND type = 'succeeded'`,
      ),
    ).toEqual([{ n: 1 }]);
  }

  /** Another worker finishes it. */
  async function expectFinished(restore: Doomed): Promise<void> {
    const rescuer = await installation.work();
    const row = await ended(installation, restore.operationId);
    await rescuer.close();
    expect(row.attempts).toBeGreaterThan(1);
    await expectDone(restore);
  }

  async function untilLoading(role: string): Promise<void> {
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await wait(5)) {
      const found = await ask(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%' AND state <> 'idle' AND application_name = 'tenantry-${role}-provisioning'`,
      );
      if (found.length > 0) return;
    }
    throw new Error("nothing was loaded");
  }

  const nameLock = (schema: string): string =>
    `SELECT pg_advisory_xact_lock(${TENANT_SCHEMA_LOCK}, hashtext('${schema}'))`;
  const loadingOf = ({ mode, target, operationId }: Doomed): string =>
    mode === "copy" ? target : `restoring_${hex(operationId)}`;

  /** Where the worker is stopped: what is held, and which of its connections comes to wait for it. */
  const before: [string, RestoreMode, (restore: Doomed) => string, string][] = [
    ["that hasn't begun", "replace", (restore) => nameLock(loadingOf(restore)), "provisioning"],
    ["as a copy that hasn't begun", "copy", (restore) => nameLock(loadingOf(restore)), "provisioning"],
    [
      "as a copy whose license is about to be described",
      "copy",
      () => "LOCK TABLE tenantry.license_events IN SHARE MODE",
      "control",
    ],
    [
      "that is loaded and waits for a writer",
      "replace",
      ({ schema }) => `INSERT INTO ${schema}.items VALUES (-1)`,
      "provisioning",
    ],
    [
      "that is about to note what it puts aside",
      "replace",
      () => "LOCK TABLE tenantry.kept_schemas IN SHARE MODE",
      "control",
    ],
    [
      "whose sessions are about to end",
      "copy",
      () => "LOCK TABLE tenantry.sessions IN SHARE MODE",
      "control",
    ],
  ];
  it.each(before)("%s: a worker's death leaves what was there, and another makes it", async (...step) => {
    const [, mode, held, purpose] = step;
    const restore = await doomed(mode);
    const release = await hold(database.adminUrl, held(restore));
    const worker = await victim();
    const backend = await untilBlocked(database.adminUrl, `tenantry-${worker.role}-${purpose}`);
    await worker.kill();
    await endSession(database.adminUrl, backend);
    await expectUntouched(restore);
    await release();
    await expectUntouched(restore);
    await expectFinished(restore);
  });

  it("in the middle of the rows: the same", async () => {
    const restore = await doomed("replace", 1_000_000);
    const worker = await victim();
    await untilLoading(worker.role);
    await worker.kill();
    await expectUntouched(restore);
    await expectFinished(restore);
  });

  it.each(["replace", "copy"] as const)(
    "that is in place and not yet said to be (%s): a worker's death leaves it so, and another says it",
    async (mode) => {
      const restore = await doomed(mode);
      const release = await hold(
        database.adminUrl,
        `SELECT FROM tenantry.tenants WHERE schema_name = '${restore.target}' FOR NO KEY UPDATE`,
      );
      const worker = await victim();
      const backend = await untilBlocked(database.adminUrl, `tenantry-${worker.role}-control`);
      await expectInPlace(restore);
      await worker.kill();
      await endSession(database.adminUrl, backend);
      await release();
      await expectInPlace(restore);
      // What is in place needs its backup no more.
      await ask(`UPDATE tenantry.backups SET state = 'gone', gone_at = now()
        WHERE id = (SELECT backup_id FROM tenantry.restores WHERE operation_id = '${restore.operationId}')`);
      if (mode === "replace") {
        await expect(cancelOperation(ctx, restore.operationId, CALLER)).rejects.toMatchObject({
          code: "STATE_CONFLICT",
        });
      }
      await expectFinished(restore);
    },
  );

  it("whose database session is ended in the middle is tried again", async () => {
    const restore = await doomed("replace");
    const release = await hold(database.adminUrl, `INSERT INTO ${restore.schema}.items VALUES (-1)`);
    const worker = await installation.work();
    const backend = await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
    await endSession(database.adminUrl, backend);
    await expectUntouched(restore);
    await release();
    await expectDone(restore);
    await worker.close();
  });

  it("whose worker only sleeps is made by another, and once", async () => {
    const restore = await doomed("replace");
    const release = await hold(database.adminUrl, `INSERT INTO ${restore.schema}.items VALUES (-1)`);
    const sleeper = await victim();
    await untilBlocked(database.adminUrl, `tenantry-${sleeper.role}-provisioning`);
    sleeper.signal("SIGSTOP");
    await release();
    await expectFinished(restore);
    const done = await ended(installation, restore.operationId);
    sleeper.signal("SIGCONT");
    // It takes the next order, which shows that it is awake and has dealt with what it found.
    const next = await readyTenants(installation, 1, ORDER);
    expect(next).toHaveLength(1);
    expect(await ended(installation, restore.operationId)).toEqual(done);
    await expectInPlace(restore);
    await sleeper.kill();
  });

  it.each(["replace", "copy"] as const)(
    "that is called off (%s) leaves nothing, and can be taken up again",
    async (mode) => {
      const restore = await doomed(mode);
      const held =
        mode === "replace" ? `INSERT INTO ${restore.schema}.items VALUES (-1)` : nameLock(loadingOf(restore));
      const release = await hold(database.adminUrl, held);
      const worker = await installation.work();
      await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
      await cancelOperation(ctx, restore.operationId, CALLER);
      await release();
      expect(await ended(installation, restore.operationId)).toMatchObject({ state: "canceled" });
      await expectUntouched(restore);
      await retryOperation(ctx, restore.operationId, CALLER);
      await announceAgain(ctx, installation.queues, restore.operationId);
      await expectDone(restore);
      await worker.close();
    },
  );
});
