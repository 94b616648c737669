import { sql } from "kysely";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { readyTenants } from "../../../../test/support/tenants.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { performOperation } from "../perform-operation.ts";
import { orderBackup } from "./order-backup.ts";
import { retireBackups } from "./retire-backups.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

const database = await createTestDatabase();
const installation = await openTestInstallation({
  databaseUrl: database.url,
  blueprints: [tiny],
  backups: { retention: { last: 1, daily: 0, weekly: 0, monthly: 0 } },
});
const { ctx } = installation;
const worker = await installation.work();
const [tenant] = await readyTenants(installation, 1, ORDER);
await worker.close();

/** As if the database's clock had been so far from what it is now. */
async function takenIn(interval: string): Promise<string> {
  const { operation, backup } = (await orderBackup(ctx, { licenseKey: tenant?.key ?? "" }, CALLER)).answer;
  const sink = { progress: async () => undefined, log: async () => undefined };
  const attempt = { worker: "test", leaseMs: 60_000, maxAttempts: 1, sink };
  expect(await performOperation(ctx, { operationId: operation.id, ...attempt })).toMatchObject({
    kind: "succeeded",
  });
  await sql`update tenantry.backups set taken_at = now() + ${interval}::interval where id = ${backup.id}`.execute(
    ctx.control,
  );
  return backup.id;
}

async function left(): Promise<string[]> {
  const rows = await ctx.control.selectFrom("backups").select("id").where("state", "=", "ready").execute();
  return rows.map(({ id }) => id).sort();
}

afterEach(() => {
  vi.useRealTimers();
});

describe("the retention under clocks that jump", () => {
  it("removes the same backups whatever a worker's clock says, and no real one for one of the future", async () => {
    const old = await takenIn("-2 days");
    const newest = await takenIn("-1 day");
    const future = await takenIn("5 years");
    vi.useFakeTimers({ toFake: ["Date"], now: new Date("2001-01-01T00:00:00Z") });
    expect(await retireBackups(ctx)).toBe(1);
    expect(await left()).toEqual([newest, future].sort());
    vi.setSystemTime(new Date("2101-01-01T00:00:00Z"));
    expect(await retireBackups(ctx)).toBe(0);
    expect(await left()).toEqual([newest, future].sort());
    expect(await left()).not.toContain(old);
  });
});
