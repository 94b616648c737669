import { fleetFigures } from "@tenantry/tenancy";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { acceptFleet, expectWhole, oldTenants, tenantFacts } from "./support/fleet.ts";
import { fleetBlueprint, migration } from "./support/fleet-blueprint.ts";
import { perform } from "./support/perform.ts";
import { databaseOnDisk, enlargeDisk, mountDisk } from "./support/small-disk.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const disk = mountDisk(48);
/** Some 20 MB for each tenant. */
const large = migration(
  "0004_large",
  "create table large as select n, repeat(md5(n::text), 4) as pad from generate_series(1, 120000) as n",
);

describe.runIf(disk !== null)("a disk that is full in the middle of a fleet migration", async () => {
  const place = disk ?? "";
  const database = await databaseOnDisk(place);
  await oldTenants(database.url, fleetBlueprint(1), 4);
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    blueprints: [fleetBlueprint(3, [large])],
  });

  it("leaves every tenant whole, and the run goes on when there is room", async () => {
    const id = await acceptFleet(installation);
    expect(await perform(installation, id)).toMatchObject({ kind: "not-yet" });
    const facts = await tenantFacts(installation, database.adminUrl);
    for (const { ledger, applied } of facts) expect(applied).toBe(ledger.length === 1 ? 0 : 2);
    expect(facts.some(({ ledger }) => ledger.length === 1)).toBe(true);
    expect((await fleetFigures(installation.ctx, id)).tenants.failed).toBe(0);
    enlargeDisk(place, 400);
    await sql`update tenantry.operations set available_at = now() where id = ${id}`.execute(
      installation.ctx.control,
    );
    expect((await perform(installation, id)).kind).toBe("succeeded");
    const after = await tenantFacts(installation, database.adminUrl);
    expectWhole(after);
    expect(after.map(({ registered }) => registered)).toEqual(Array(4).fill("0004_large"));
  });
});
