import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { endSession, hold, untilBlocked } from "./support/locks.ts";
import { ended, orderLicense } from "./support/requests.ts";
import { expectWholeTenant, tenantRoles, tenantSchemas } from "./support/tenant-check.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

/** First key of the advisory lock that provisioning takes on a schema's name. */
const TENANT_SCHEMA_LOCK = 0x74_6e_00_02;

describe.each(queueStores())("a worker that dies, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url, redisUrl });
  const owner = new URL(database.url).username;

  async function expectOneWholeTenant(operationId: string, schema: string): Promise<void> {
    const rescuer = await installation.work();
    const row = await ended(installation, operationId);
    await rescuer.close();
    expect(row.error).toBeNull();
    expect(row.state).toBe("succeeded");
    expect(row.attempts).toBeGreaterThan(1);
    await expectWholeTenant(database.adminUrl, schema);
    const tenants = await installation.ctx.control.selectFrom("tenants").selectAll().execute();
    expect(tenants.map((tenant) => tenant.state)).toEqual(tenants.map(() => "ready"));
    expect(await tenantSchemas(database.adminUrl)).toEqual(
      tenants.map((tenant) => tenant.schema_name).sort(),
    );
    expect(await tenantRoles(database.adminUrl, owner)).toEqual(
      tenants.map((tenant) => tenant.role_name).sort(),
    );
  }

  it("before its transaction leaves nothing, and another makes the tenant", async () => {
    const { tenant, operation } = await orderLicense(installation);
    const release = await hold(
      database.adminUrl,
      `SELECT pg_advisory_xact_lock(${TENANT_SCHEMA_LOCK}, hashtext('${tenant.schema}'))`,
    );
    const victim = await startWorkerProcess(database.url, redisUrl);
    await untilBlocked(database.adminUrl, `tenantry-${victim.role}-provisioning`);
    await victim.kill();
    expect(await tenantSchemas(database.adminUrl)).not.toContain(tenant.schema);
    await release();
    await expectOneWholeTenant(operation.id, tenant.schema);
  });

  it("inside its transaction leaves one whole tenant in the end", async () => {
    const { tenant, operation } = await orderLicense(installation);
    // The first foreign key writes there: some tables are made, nothing is committed.
    const release = await hold(database.adminUrl, "LOCK TABLE pg_trigger IN SHARE MODE");
    const victim = await startWorkerProcess(database.url, redisUrl);
    await untilBlocked(database.adminUrl, `tenantry-${victim.role}-provisioning`);
    await victim.kill();
    expect(await tenantSchemas(database.adminUrl)).not.toContain(tenant.schema);
    await release();
    await expectOneWholeTenant(operation.id, tenant.schema);
  });

  it("after its commit, before it could say so, isn't repeated", async () => {
    const { license, tenant, operation } = await orderLicense(installation);
    const release = await hold(
      database.adminUrl,
      `SELECT 1 FROM tenantry.licenses WHERE key = '${license.key}' FOR UPDATE`,
    );
    const victim = await startWorkerProcess(database.url, redisUrl);
    const backend = await untilBlocked(database.adminUrl, `tenantry-${victim.role}-control`);
    await victim.kill();
    // Otherwise the server would go on with the statement that the dead worker had sent.
    await endSession(database.adminUrl, backend);
    const before = await createdAt(tenant.schema);
    await release();
    await expectOneWholeTenant(operation.id, tenant.schema);
    expect(await createdAt(tenant.schema)).toEqual(before);
  });

  it("is told apart from one whose backend was killed: that one tries again itself", async () => {
    const { tenant, operation } = await orderLicense(installation);
    const release = await hold(database.adminUrl, "LOCK TABLE pg_trigger IN SHARE MODE");
    const worker = await installation.work();
    const backend = await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
    await endSession(database.adminUrl, backend);
    await release();
    await expectOneWholeTenant(operation.id, tenant.schema);
    await worker.close();
  });

  it("and wakes up again after another took over, writes nothing", async () => {
    const { tenant, operation } = await orderLicense(installation);
    const release = await hold(
      database.adminUrl,
      `SELECT pg_advisory_xact_lock(${TENANT_SCHEMA_LOCK}, hashtext('${tenant.schema}'))`,
    );
    const sleeper = await startWorkerProcess(database.url, redisUrl);
    const backend = await untilBlocked(database.adminUrl, `tenantry-${sleeper.role}-provisioning`);
    sleeper.signal("SIGSTOP");
    await release();
    // Its transaction is open and holds the schema's lock; the server ends such a one after a while, here at once.
    await endSession(database.adminUrl, backend);
    await expectOneWholeTenant(operation.id, tenant.schema);
    const done = await ended(installation, operation.id);
    sleeper.signal("SIGCONT");
    // It takes the next order, which shows that it is awake and has dealt with what it found.
    const next = await orderLicense(installation);
    expect((await ended(installation, next.operation.id)).state).toBe("succeeded");
    expect(await ended(installation, operation.id)).toEqual(done);
    await sleeper.kill();
  });

  async function createdAt(schema: string): Promise<Date> {
    const found = await withAdmin(database.adminUrl, (client) =>
      client.query(`SELECT created_at FROM "${schema}".tenantry_tenant`),
    );
    return found.rows[0].created_at;
  }
});
