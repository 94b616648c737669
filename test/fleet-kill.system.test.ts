import { setTimeout as wait } from "node:timers/promises";
import { fleetFigures, getOperation } from "@tenantry/tenancy";
import { expect, it } from "vitest";
import { withAdmin } from "./support/database.ts";
import { acceptFleet, expectWhole, oldTenants, tenantFacts } from "./support/fleet.ts";
import { fleetBlueprint, slowFleet } from "./support/fleet-blueprint.ts";
import { startFleetProcess } from "./support/fleet-process.ts";
import { killBackend } from "./support/kill-backend.ts";
import { startPrivateServer } from "./support/private-server.ts";
import { openTestInstallation } from "./support/tenantry.ts";

/** `FLEET_KILLS=50` for many more. */
const KILLS = Number(process.env.FLEET_KILLS ?? 8);
const TENANTS = 16 * KILLS;
/** A worker's death is noticed after 400 ms. */
const LONGEST_MS = 700;

const server = await startPrivateServer();
const database = await server.createDatabase("fleet_kills");

it(
  `a fleet migration goes on after ${KILLS} kills of its worker and of PostgreSQL, and migrates none twice`,
  async () => {
    await oldTenants(database.url, fleetBlueprint(1), TENANTS);
    const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [slowFleet] });
    const id = await acceptFleet(installation, { canary: 3 });
    let worker = await startFleetProcess(database.url, id);
    let killed = 0;
    while (killed < KILLS) {
      await wait(Math.random() * LONGEST_MS);
      if (await hasEnded()) break;
      if (killed % 2 === 0) {
        await worker.kill();
        worker = await startFleetProcess(database.url, id);
      } else if (!(await killBackend(database.adminUrl, worker.role))) continue;
      killed += 1;
      await untilUp();
    }
    expect(await worker.end).toBe("succeeded");
    expect(killed).toBe(KILLS);
    const facts = await tenantFacts(installation, database.adminUrl);
    expectWhole(facts);
    expect(new Set(facts.map(({ registered }) => registered))).toEqual(new Set(["0004_slow"]));
    const { tenants } = await fleetFigures(installation.ctx, id);
    expect(tenants).toMatchObject({ total: TENANTS, done: TENANTS, failed: 0 });

    async function hasEnded(): Promise<boolean> {
      const operation = await getOperation(installation.ctx, id).catch(() => null);
      return operation?.state === "succeeded";
    }
  },
  60_000 + KILLS * 5_000,
);

/** Waits until the server takes connections: after a backend's death it starts anew. */
async function untilUp(): Promise<void> {
  await expect
    .poll(
      () =>
        withAdmin(database.adminUrl, (client) => client.query("select 1")).then(
          () => "up",
          () => "down",
        ),
      {
        timeout: 20_000,
      },
    )
    .toBe("up");
}
