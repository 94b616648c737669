import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { hold } from "../../../../test/support/locks.ts";
import { acceptLicense } from "../../../../test/support/requests.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { atPace } from "./at-pace.ts";
import { type Pace, paceOf } from "./pace.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const { ctx } = installation;

/** How many of five units were at work at the same time at most. */
async function mostAtOnce(pace: Pace): Promise<number> {
  // A placement of its own: what another test has found out about neighbours isn't known here.
  const placement = { ...ctx.placements.main };
  let now = 0;
  let most = 0;
  const unit = async (): Promise<void> => {
    most = Math.max(most, ++now);
    await placement.provisioning.query("SELECT pg_sleep(0.02)");
    now--;
  };
  await Promise.all(Array.from({ length: 5 }, () => atPace(ctx, placement, pace, unit)));
  return most;
}

describe("bulk work", () => {
  it("goes on at once while nobody else is connected", async () => {
    expect(await mostAtOnce("yield")).toBe(5);
  });

  it("is one unit at a time while somebody is", async () => {
    await withAdmin(database.adminUrl, async () => {
      expect(await mostAtOnce("yield")).toBe(1);
    });
  });

  it("goes on at once at full pace, whoever is there", async () => {
    await withAdmin(database.adminUrl, async () => {
      expect(await mostAtOnce("full")).toBe(5);
    });
  });

  it("goes on after a unit that fails, which fails for its own caller only", async () => {
    await withAdmin(database.adminUrl, async () => {
      const placement = { ...ctx.placements.main };
      const outcomes = await Promise.allSettled([
        atPace(ctx, placement, "yield", () => Promise.reject(new Error("of this unit"))),
        atPace(ctx, placement, "yield", async () => "done"),
      ]);
      expect(outcomes).toMatchObject([
        { status: "rejected", reason: { message: "of this unit" } },
        { status: "fulfilled", value: "done" },
      ]);
    });
  });

  it("rests after work that is felt only when it is over, as a commit is", async () => {
    const placement = { ...ctx.placements.main };
    await withAdmin(database.adminUrl, async (client) => {
      let released: Promise<unknown> = Promise.resolve();
      await atPace(ctx, placement, "yield", async () => {
        await wait(300);
        await client.query("BEGIN; LOCK TABLE pg_catalog.pg_namespace IN ACCESS EXCLUSIVE MODE");
        released = wait(150).then(() => client.query("ROLLBACK"));
      });
      await released;
      const asked = performance.now();
      await atPace(ctx, placement, "yield", async () => undefined);
      expect(performance.now() - asked).toBeGreaterThan(140);
    });
  });

  it("rests after work that others feel, and no longer when a single license waits for the worker", async () => {
    const placement = { ...ctx.placements.main };
    // What everybody's queries look into is locked meanwhile.
    const heavy = async (): Promise<void> => {
      const release = await hold(
        database.adminUrl,
        "LOCK TABLE pg_catalog.pg_namespace IN ACCESS EXCLUSIVE MODE",
      );
      await wait(250);
      await release();
    };
    const restBefore = async (unit: () => Promise<void>): Promise<number> => {
      const asked = performance.now();
      let begun = asked;
      await atPace(ctx, placement, "yield", async () => {
        begun = performance.now();
        await unit();
      });
      return begun - asked;
    };
    await withAdmin(database.adminUrl, async () => {
      const rests: number[] = [];
      for (let unit = 0; unit < 5; unit++) rests.push(await restBefore(heavy));
      expect(rests.at(-1)).toBeGreaterThan(900);
      await acceptLicense(installation);
      expect(await restBefore(async () => undefined)).toBeLessThan(900);
    });
  });

  it("gives way unless its run says otherwise", () => {
    expect([paceOf({}), paceOf({ pace: "yield" }), paceOf({ pace: "full" })]).toEqual([
      "yield",
      "yield",
      "full",
    ]);
  });
});
