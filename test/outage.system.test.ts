import { getOperation } from "@tenantry/tenancy";
import { describe, expect, inject, it } from "vitest";
import { createTestDatabase } from "./support/database.ts";
import { startProxy } from "./support/proxy.ts";
import { ended, orderLicense } from "./support/requests.ts";
import { expectWholeTenant } from "./support/tenant-check.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";

describe.each(queueStores())("PostgreSQL goes away and comes back, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const network = await startProxy(database.url);
  const installation = await openTestInstallation({ databaseUrl: network.url, redisUrl });

  it("accepts nothing meanwhile, finishes what it had accepted, and works again by itself", async () => {
    const worker = await installation.work();
    const orders = await Promise.all(Array.from({ length: 6 }, () => orderLicense(installation)));
    await network.cut();
    await expect(orderLicense(installation)).rejects.toThrow();
    await network.restore();
    const rows = await Promise.all(orders.map(({ operation }) => ended(installation, operation.id)));
    expect(rows.map((row) => row.state)).toEqual(orders.map(() => "succeeded"));
    const later = await orderLicense(installation);
    expect((await ended(installation, later.operation.id)).state).toBe("succeeded");
    for (const { tenant } of [...orders, later]) await expectWholeTenant(database.adminUrl, tenant.schema);
    const licenses = await installation.ctx.control.selectFrom("licenses").selectAll().execute();
    expect(licenses).toHaveLength(7);
    await worker.close();
    await network.close();
  });
});

describe.runIf(inject("redisUrl") !== null)("Redis goes away and comes back", async () => {
  const database = await createTestDatabase();
  const network = await startProxy(inject("redisUrl") ?? "");
  const installation = await openTestInstallation({ databaseUrl: database.url, redisUrl: network.url });

  it("accepts orders all the while, and finishes them when Redis is back", async () => {
    const worker = await installation.work();
    const before = await orderLicense(installation);
    expect((await ended(installation, before.operation.id)).state).toBe("succeeded");
    await network.cut();
    const during = await Promise.all(Array.from({ length: 3 }, () => orderLicense(installation)));
    expect((await getOperation(installation.ctx, during[0]?.operation.id ?? "")).state).toBe("queued");
    await network.restore();
    for (const { tenant, operation } of during) {
      expect((await ended(installation, operation.id)).state).toBe("succeeded");
      await expectWholeTenant(database.adminUrl, tenant.schema);
    }
    await worker.close();
  });

  it("starts without Redis, and works when it comes", async () => {
    await network.cut();
    const late = await openTestInstallation({ databaseUrl: database.url, redisUrl: network.url });
    const worker = await late.work();
    const { operation } = await orderLicense(late);
    await network.restore();
    expect((await ended(late, operation.id)).state).toBe("succeeded");
    await worker.close();
  });

  it("lets a worker stop meanwhile", async () => {
    const worker = await installation.work({ drainMs: 30_000 });
    await network.cut();
    const startedAt = performance.now();
    await worker.close();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});
