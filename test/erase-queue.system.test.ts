import { announceNew, eraseLicenseAndJobs } from "@tenantry/jobs";
import { deleteLicense } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "./support/database.ts";
import { ended } from "./support/requests.ts";
import { backedUp, CALLER } from "./support/restores.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";

const CLIENT = "Sunflower Secret Ltd";

describe.each(queueStores())("an erased license, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [tiny],
  });
  const { ctx, queues } = installation;

  const shown = async (): Promise<string> =>
    JSON.stringify(
      await Promise.all(queues.all.map((queue) => queue.getJobs(["completed", "failed", "waiting"]))),
    );

  it("is named on the queue no more, and others are as before", async () => {
    const worker = await installation.work();
    const order = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
    const [gone] = await readyTenants(installation, 1, { ...order, clientName: CLIENT });
    const [stays] = await readyTenants(installation, 1, { ...order, clientName: "Stays" });
    const licenseKey = gone?.key ?? "";
    await backedUp(installation, licenseKey);
    const { operation, bell } = await deleteLicense(ctx, { licenseKey }, CALLER);
    if (bell.kind === "new") await announceNew(ctx, queues, bell.entry);
    expect(await ended(installation, operation.id)).toMatchObject({ state: "succeeded" });
    await expect.poll(async () => (await shown()).split(CLIENT).length - 1, { timeout: 20_000 }).toBe(3);
    await worker.close();
    await eraseLicenseAndJobs(ctx, queues, { licenseKey: ` ${licenseKey.toLowerCase()} ` }, CALLER);
    const left = await shown();
    expect(left).not.toContain(CLIENT);
    expect(left).toContain(stays?.key);
    await eraseLicenseAndJobs(ctx, queues, { licenseKey }, CALLER);
  });
});
