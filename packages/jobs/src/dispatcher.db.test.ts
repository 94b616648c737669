import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../test/support/database.ts";
import { acceptLicense } from "../../../test/support/requests.ts";
import { openTestInstallation, queueStores } from "../../../test/support/tenantry.ts";
import { Dispatcher } from "./dispatcher.ts";

const LEASE_MS = 3_000;

describe.each(queueStores())("the dispatcher, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url, redisUrl });
  const { ctx, queues } = installation;
  const dispatcher = new Dispatcher(ctx, queues, { intervalMs: 60_000, recheckMs: 1_000, leaseMs: LEASE_MS });
  const [queue] = queues.all;

  /** As if it had been accepted an hour ago. */
  async function accepted(change: Record<string, unknown> = {}): Promise<string> {
    const { operation } = await acceptLicense(installation);
    await ctx.control
      .updateTable("operations")
      .set({ available_at: sql<Date>`now() - interval '1 hour'`, ...change })
      .where("id", "=", operation.id)
      .execute();
    return operation.id;
  }

  const anHourAgo = sql<Date>`now() - interval '1 hour'`;

  it("enqueues what nobody has told the queue about, once", async () => {
    const id = await accepted();
    expect(await dispatcher.dispatchOnce()).toBe(1);
    expect(await (await queue?.getJob(id))?.getState()).toBe("waiting");
    expect(await dispatcher.dispatchOnce()).toBe(0);
  });

  it("enqueues again what the queue has lost, and leaves alone what it holds", async () => {
    const lost = await accepted();
    const held = await accepted();
    await dispatcher.dispatchOnce();
    await (await queue?.getJob(lost))?.remove();
    await ctx.control
      .updateTable("operations")
      .set({ enqueued_at: anHourAgo })
      .where("id", "in", [lost, held])
      .execute();
    await dispatcher.dispatchOnce();
    expect(await (await queue?.getJob(lost))?.getState()).toBe("waiting");
    expect(await (await queue?.getJob(held))?.getState()).toBe("waiting");
  });

  it.each([
    ["whose job was noted", anHourAgo],
    ["that was taken before anybody noted its job", null],
  ])("rings again for an operation %s and whose worker is dead", async (_, enqueuedAt) => {
    const id = await accepted({
      state: "running",
      worker: "dead",
      attempts: 1,
      heartbeat_at: anHourAgo,
      enqueued_at: enqueuedAt,
    });
    await dispatcher.dispatchOnce();
    expect(await (await queue?.getJob(id))?.getState()).toBe("waiting");
  });

  it("leaves an operation alone whose worker lives", async () => {
    const id = await accepted({
      state: "running",
      worker: "alive",
      attempts: 1,
      heartbeat_at: sql<Date>`now()`,
    });
    await dispatcher.dispatchOnce();
    expect(await queue?.getJob(id)).toBeUndefined();
  });
});
