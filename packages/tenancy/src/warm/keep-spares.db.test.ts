import { setTimeout as wait } from "node:timers/promises";
import { expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { atPace } from "../pace/at-pace.ts";
import { keepSpares } from "./keep-spares.ts";

const database = await createTestDatabase();
const { ctx } = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });

it("a maker that was taken for dead meanwhile makes nothing", async () => {
  await withAdmin(database.adminUrl, async (client) => {
    // So long it is taken for granted that nobody is there.
    await wait(600);
    const [begun, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const other = atPace(ctx, ctx.placements.main, "yield", () => {
      begun.resolve();
      return done.promise;
    });
    await begun.promise;
    const making = keepSpares(ctx, { wanted: 1 });
    const spares = () => ctx.control.selectFrom("spares").select(["schema_name", "state"]).execute();
    await expect.poll(spares).toMatchObject([{ state: "making" }]);
    await ctx.control.updateTable("spares").set({ state: "retiring" }).execute();
    done.resolve();
    await Promise.all([other, making]);
    const after = await spares();
    expect(after.map(({ state }) => state).sort()).toEqual(["ready", "retiring"]);
    const { rows } = await client.query<{ name: string }>(
      "SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE 'tenantry\\_spare\\_%'",
    );
    const ready = after.filter(({ state }) => state === "ready");
    expect(rows.map(({ name }) => name)).toEqual(ready.map(({ schema_name }) => schema_name));
  });
});
