import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { tenantFolder } from "@tenantry/archive";
import { deleteLicense } from "@tenantry/tenancy";
import { describe, expect, it, onTestFinished } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { expectDeleted, retiredSchemas, roleOf, storedOf } from "./support/deletion-check.ts";
import { endSession, hold, untilBlocked } from "./support/locks.ts";
import { ended, orderLicense } from "./support/requests.ts";
import { expectWholeTenant, schemaFacts } from "./support/tenant-check.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

const TENANT_SCHEMA_LOCK = 0x74_6e_00_02;
/** Any number that nobody else locks. */
const COMMIT_LOCK = 4_242;
const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };

describe.each(queueStores())("a worker that dies while it deletes, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url, redisUrl });

  mkdirSync(installation.backupDirectory, { mode: 0o700 });

  interface Doomed {
    readonly key: string;
    readonly schema: string;
    readonly role: string;
    readonly operationId: string;
  }

  async function doomed(): Promise<Doomed> {
    const maker = await installation.work();
    const { license, tenant, operation } = await orderLicense(installation);
    expect((await ended(installation, operation.id)).state).toBe("succeeded");
    await maker.close();
    const role = await roleOf(installation, tenant);
    const deletion = await deleteLicense(installation.ctx, { licenseKey: license.key }, CALLER);
    return { key: license.key, schema: tenant.schema, role, operationId: deletion.operation.id };
  }

  const victim = () => startWorkerProcess(database.url, redisUrl, installation.backupDirectory);

  const store = (key: string) => storedOf(installation, key);

  async function untilHalfWritten(key: string): Promise<void> {
    const folder = join(installation.backupDirectory, tenantFolder(key));
    const sizeOf = (name: string): number =>
      statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
    for (const deadline = Date.now() + 30_000; Date.now() < deadline; await wait(5)) {
      const files = existsSync(folder) ? readdirSync(folder) : [];
      if (!files.some((name) => sizeOf(name) > 1_000_000)) continue;
      // Nothing that could be taken for a backup.
      expect(await store(key)).toEqual([]);
      return;
    }
    throw new Error("no backup came into being");
  }

  /** Another worker finishes it: gone, and the backup there, once and whole. */
  async function expectFinished({ operationId, role }: Doomed): Promise<string> {
    const rescuer = await installation.work();
    const row = await ended(installation, operationId);
    await rescuer.close();
    expect(row.attempts).toBeGreaterThan(1);
    const text = await expectDeleted(installation, database.adminUrl, row, role);
    expect(text).toContain("\tAl Noor Trading\t");
    return text;
  }

  it("before it has begun leaves the work to another", async () => {
    const tenant = await doomed();
    const release = await hold(
      database.adminUrl,
      `SELECT pg_advisory_xact_lock(${TENANT_SCHEMA_LOCK}, hashtext('${tenant.schema}'))`,
    );
    const worker = await victim();
    await untilBlocked(database.adminUrl, `tenantry-${worker.role}-provisioning`);
    await worker.kill();
    await release();
    await expectWholeTenant(database.adminUrl, tenant.schema);
    await expectFinished(tenant);
  });

  it("while it waits for a transaction of the tenant's that has written loses nothing of it", async () => {
    const tenant = await doomed();
    const release = await hold(
      database.adminUrl,
      `INSERT INTO ${tenant.schema}.roles (name) VALUES ('never committed')`,
    );
    const worker = await victim();
    await untilBlocked(database.adminUrl, `tenantry-${worker.role}-provisioning`);
    await worker.kill();
    await release();
    expect(await expectFinished(tenant)).not.toContain("never committed");
  });

  it("in the middle of the backup leaves no half file, and nothing dropped", async () => {
    const tenant = await doomed();
    await withAdmin(database.adminUrl, (client) =>
      client.query(
        `INSERT INTO ${tenant.schema}.security_logs (event_type, details)
           SELECT 'x', repeat(md5(n::text) || md5((-n)::text), 10) FROM generate_series(1, 150000) AS n`,
      ),
    );
    const worker = await victim();
    await untilHalfWritten(tenant.key);
    await worker.kill();
    await expectWholeTenant(database.adminUrl, tenant.schema);
    expect(await retiredSchemas(database.adminUrl)).toEqual([]);
    const text = await expectFinished(tenant);
    expect(text.match(/\n\d+\t\\N\tx\t/g)).toHaveLength(150_000);
  });

  /** Whoever commits the point of no return waits there until it is released. */
  async function holdCommit(): Promise<() => Promise<void>> {
    await withAdmin(database.adminUrl, (client) =>
      client.query(`
        CREATE OR REPLACE FUNCTION tenantry.wait_there() RETURNS trigger LANGUAGE plpgsql
          AS 'BEGIN PERFORM pg_advisory_xact_lock(${COMMIT_LOCK}); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER wait_there AFTER UPDATE ON tenantry.deletions DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW WHEN (old.drop_began_at IS NULL AND new.drop_began_at IS NOT NULL)
          EXECUTE FUNCTION tenantry.wait_there()`),
    );
    onTestFinished(() =>
      withAdmin(database.adminUrl, async (client) => {
        await client.query("DROP TRIGGER wait_there ON tenantry.deletions");
      }),
    );
    return hold(database.adminUrl, `SELECT pg_advisory_xact_lock(${COMMIT_LOCK})`);
  }

  it.each([
    ["and its commit with it", true],
    ["and its commit goes through without it", false],
  ])(
    "at the point of no return, %s, leaves the tenant whole until another has taken a newer backup",
    async (_, alsoBackend) => {
      const tenant = await doomed();
      const release = await holdCommit();
      const worker = await victim();
      const backend = await untilBlocked(database.adminUrl, `tenantry-${worker.role}-control`);
      const earlier = await store(tenant.key);
      expect(earlier).toHaveLength(1);
      await worker.kill();
      if (alsoBackend) await endSession(database.adminUrl, backend);
      await expectWholeTenant(database.adminUrl, tenant.schema);
      expect(await retiredSchemas(database.adminUrl)).toEqual([]);
      await withAdmin(database.adminUrl, (client) =>
        client.query(`INSERT INTO ${tenant.schema}.roles (name) VALUES ('written meanwhile')`),
      );
      await release();
      expect(await expectFinished(tenant)).toContain("written meanwhile");
      expect(await store(tenant.key)).not.toEqual(earlier);
    },
  );

  it("with the first key still to drop shows nothing half-dropped under the tenant's name", async () => {
    const tenant = await doomed();
    const release = await hold(
      database.adminUrl,
      `LOCK TABLE ${tenant.schema}.accounts IN ACCESS SHARE MODE`,
    );
    const worker = await victim();
    await untilBlocked(database.adminUrl, `tenantry-${worker.role}-provisioning`);
    await worker.kill();
    expect(await schemaFacts(database.adminUrl, tenant.schema)).toBeNull();
    expect(await retiredSchemas(database.adminUrl)).toHaveLength(1);
    const [backup] = await store(tenant.key);
    await release();
    await expectFinished(tenant);
    // The backup from before the schema was put aside is the last one: nobody makes another of what is half gone.
    expect(await store(tenant.key)).toEqual([backup]);
  });

  it("among the tables goes on with those that are left", async () => {
    const tenant = await doomed();
    // Views come before tables, and a lock on the last table lets the others go.
    const release = await hold(
      database.adminUrl,
      `LOCK TABLE ${tenant.schema}.kysely_migration IN ACCESS SHARE MODE`,
    );
    const worker = await victim();
    await untilBlocked(database.adminUrl, `tenantry-${worker.role}-provisioning`);
    await worker.kill();
    const [retired = ""] = await retiredSchemas(database.adminUrl);
    const left = await withAdmin(database.adminUrl, (client) =>
      client.query("SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = $1", [retired]),
    );
    expect(left.rows[0].tables).toBeLessThan(50);
    expect(left.rows[0].tables).toBeGreaterThan(1);
    await release();
    await expectFinished(tenant);
  });

  it("at the last drop, schema and role together, leaves both or none", async () => {
    const tenant = await doomed();
    const release = await hold(database.adminUrl, "LOCK TABLE pg_authid IN SHARE MODE");
    const worker = await victim();
    await untilBlocked(database.adminUrl, `tenantry-${worker.role}-provisioning`);
    await worker.kill();
    expect(await retiredSchemas(database.adminUrl)).toHaveLength(1);
    await release();
    await expectFinished(tenant);
  });

  it.each([
    ["and its statement with it", true],
    ["and its statement goes through without it", false],
  ])("when all is dropped but nothing is said, %s, has it said once", async (_, alsoBackend) => {
    const tenant = await doomed();
    const release = await hold(
      database.adminUrl,
      `SELECT FROM tenantry.licenses WHERE key = '${tenant.key}' FOR UPDATE`,
    );
    const worker = await victim();
    const backend = await untilBlocked(database.adminUrl, `tenantry-${worker.role}-control`);
    await worker.kill();
    if (alsoBackend) await endSession(database.adminUrl, backend);
    await release();
    const rescuer = await installation.work();
    const row = await ended(installation, tenant.operationId);
    await rescuer.close();
    await expectDeleted(installation, database.adminUrl, row, tenant.role);
    const events = await installation.ctx.control
      .selectFrom("operation_events")
      .select("type")
      .where("operation_id", "=", tenant.operationId)
      .where("type", "=", "succeeded")
      .execute();
    expect(events).toHaveLength(1);
  });

  it("or only sleeps, and wakes up again after another took over, takes nothing away", async () => {
    const tenant = await doomed();
    const release = await hold(
      database.adminUrl,
      `SELECT FROM tenantry.deletions WHERE operation_id = '${tenant.operationId}' FOR UPDATE`,
    );
    const sleeper = await victim();
    const backend = await untilBlocked(database.adminUrl, `tenantry-${sleeper.role}-control`);
    sleeper.signal("SIGSTOP");
    await endSession(database.adminUrl, backend);
    await release();
    // It still holds the tenant's lock, which the other has to wait for and then take.
    await expectFinished(tenant);
    const files = await store(tenant.key);
    const done = await ended(installation, tenant.operationId);
    sleeper.signal("SIGCONT");
    // It takes the next order, which shows that it is awake and has dealt with what it found.
    const next = await orderLicense(installation);
    expect((await ended(installation, next.operation.id)).state).toBe("succeeded");
    expect(await ended(installation, tenant.operationId)).toEqual(done);
    expect(await store(tenant.key)).toEqual(files);
    await sleeper.kill();
  });
});
