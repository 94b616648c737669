import { erp } from "@tenantry/schema/blueprints/erp";
import { performOperation } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { acceptLicense, ended, orderLicense } from "./support/requests.ts";
import { expectWholeTenant, schemaFacts, tenantSchemas } from "./support/tenant-check.ts";
import { openTestInstallation, queueStores, TEST_LEASE_MS } from "./support/tenantry.ts";
import { tiny } from "./support/tiny-blueprint.ts";

const SINK = { progress: async () => undefined, log: async () => undefined };

describe.each(queueStores())("a create-license order, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [erp, tiny],
  });

  it("becomes a whole tenant", async () => {
    const worker = await installation.work();
    const { license, tenant, operation } = await orderLicense(installation);
    const row = await ended(installation, operation.id);
    await worker.close();
    expect(row.state).toBe("succeeded");
    expect(row).toMatchObject({ percent: 100, step: "ready", attempts: 1 });
    expect(row.result).toMatchObject({ licenseKey: license.key, schema: tenant.schema, tables: 53 });
    await expectWholeTenant(database.adminUrl, tenant.schema);
  });

  it("is shown in the queue with its labels and its story, and without a secret", async () => {
    const worker = await installation.work();
    const { license, tenant, operation } = await orderLicense(installation, { clientName: "شركة النور" });
    await ended(installation, operation.id);
    await worker.close();
    const [queue] = installation.queues.all;
    const job = await queue?.getJob(operation.id);
    expect(job?.data).toEqual({
      operationId: operation.id,
      licenseKey: license.key,
      client: "شركة النور",
      schema: tenant.schema,
    });
    const { logs } = (await queue?.getJobLogs(operation.id)) ?? { logs: [] };
    const steps = logs
      .flatMap((entry) => entry.split("\n"))
      .map((line) => line.replace(/^\d+% (.*?):.*$/, "$1"));
    expect(steps).toEqual(["license", "schema", "tables", "default data", "access", "ready"]);
  });

  it("is worked on once when twenty come at once, and each becomes its own tenant", async () => {
    const orders = await Promise.all(Array.from({ length: 20 }, () => orderLicense(installation)));
    const worker = await installation.work();
    const second = await installation.work();
    const rows = await Promise.all(orders.map(({ operation }) => ended(installation, operation.id)));
    await Promise.all([worker.close(), second.close()]);
    expect(rows.map((row) => row.state)).toEqual(orders.map(() => "succeeded"));
    expect(new Set(orders.map(({ tenant }) => tenant.schema)).size).toBe(20);
    for (const { tenant } of orders) await expectWholeTenant(database.adminUrl, tenant.schema);
  });

  it("is finished although the process died before it told the queue", async () => {
    const { tenant, operation } = await acceptLicense(installation);
    const worker = await installation.work();
    expect((await ended(installation, operation.id)).state).toBe("succeeded");
    await worker.close();
    await expectWholeTenant(database.adminUrl, tenant.schema);
  });

  it("is finished with 49 others after the queue was emptied", async () => {
    const order = () =>
      orderLicense(installation, { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined });
    const orders = await Promise.all(Array.from({ length: 50 }, order));
    for (const queue of installation.queues.all) await queue.obliterate({ force: true });
    const worker = await installation.work();
    const rows = await Promise.all(orders.map(({ operation }) => ended(installation, operation.id)));
    await worker.close();
    expect(rows.filter((row) => row.state === "succeeded")).toHaveLength(50);
  });

  it("is one tenant when two workers are given the same job", async () => {
    const { tenant, operation } = await acceptLicense(installation);
    const perform = (worker: string) =>
      performOperation(installation.ctx, {
        operationId: operation.id,
        worker,
        leaseMs: TEST_LEASE_MS,
        maxAttempts: 5,
        sink: SINK,
      });
    const outcomes = await Promise.all([perform("one"), perform("two")]);
    expect(outcomes.map((outcome) => outcome.kind).sort()).toEqual(["not-yet", "succeeded"]);
    expect(await perform("three")).toEqual({ kind: "finished-before" });
    await expectWholeTenant(database.adminUrl, tenant.schema);
  });

  it("fails by name when somebody has made a schema of that name, and leaves the stranger's alone", async () => {
    const { license, tenant, operation } = await acceptLicense(installation);
    await withAdmin(database.url, (client) =>
      client.query(
        `CREATE SCHEMA ${tenant.schema}; CREATE TABLE ${tenant.schema}.precious (n int); INSERT INTO ${tenant.schema}.precious VALUES (42)`,
      ),
    );
    const worker = await installation.work();
    const row = await ended(installation, operation.id);
    await worker.close();
    expect(row.state).toBe("failed");
    expect(row.error).toMatchObject({
      code: "SCHEMA_TAKEN",
      hint: expect.stringContaining("operation retry"),
    });
    const kept = await withAdmin(database.url, (client) =>
      client.query(
        `SELECT n, (SELECT count(*)::int FROM pg_tables WHERE schemaname = '${tenant.schema}') AS tables FROM ${tenant.schema}.precious`,
      ),
    );
    expect(kept.rows).toEqual([{ n: 42, tables: 1 }]);
    const job = await installation.queues.all[0]?.getJob(operation.id);
    expect(await job?.getState()).toBe("failed");
    expect(job?.failedReason).toMatch(/^SCHEMA_TAKEN/);
    expect(license.key).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/);
  });

  it("leaves no schema behind that no license owns", async () => {
    const owned = await installation.ctx.control.selectFrom("tenants").select("schema_name").execute();
    const names = new Set(owned.map((row) => row.schema_name));
    expect((await tenantSchemas(database.adminUrl)).filter((schema) => !names.has(schema))).toEqual([]);
    expect(await schemaFacts(database.adminUrl, "public_tenants")).toBeNull();
  });
});
