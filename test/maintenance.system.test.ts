import { setTimeout as wait } from "node:timers/promises";
import { startWorker } from "@tenantry/worker";
import { describe, expect, it } from "vitest";
import { startPrivateServer } from "./support/private-server.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";
import { tiny } from "./support/tiny-blueprint.ts";

describe.each(queueStores())("the maintenance, queue on $name", async ({ redisUrl }) => {
  const database = await (await startPrivateServer()).createDatabase("maintained");
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [tiny],
    backups: { schedule: "*/2 * * * * *" },
  });
  const { ctx } = installation;

  it("begins scheduled backups while another of its tasks takes for ever", async () => {
    const begun = Promise.withResolvers<void>();
    const late = Promise.withResolvers<number>();
    const store = new Proxy(ctx.backups.store, {
      get: (of, key) => {
        if (key === "removeLeftovers") {
          return () => {
            begun.resolve();
            return late.promise;
          };
        }
        const value: unknown = Reflect.get(of, key);
        return typeof value === "function" ? value.bind(of) : value;
      },
    });
    const worker = await startWorker(
      { ...installation, ctx: { ...ctx, backups: { ...ctx.backups, store } } },
      { concurrency: 1 },
    );
    await begun.promise;
    const runs = async () =>
      (await ctx.control.selectFrom("scheduled_runs").select("due_at").execute()).length;
    const before = await runs();
    let after = before;
    for (const deadline = Date.now() + 20_000; Date.now() < deadline && after < before + 3; await wait(100)) {
      after = await runs();
    }
    late.resolve(0);
    await worker.close();
    expect(after).toBeGreaterThanOrEqual(before + 3);
  });
});
