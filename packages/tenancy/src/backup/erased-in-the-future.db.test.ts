import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { perform } from "../../../../test/support/perform.ts";
import { acceptLicense } from "../../../../test/support/requests.ts";
import { CALLER } from "../../../../test/support/restores.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { keepBackups } from "./keep-backups.ts";
import { listBackups } from "./list-backups.ts";
import { orderBackups } from "./order-backups.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

async function controlBackedUp() {
  const { answer } = await orderBackups(ctx, { licenseKeys: null }, CALLER);
  const { id } = await ctx.control
    .selectFrom("operations")
    .select("id")
    .where("parent_id", "=", answer.operation.id)
    .where("license_id", "is", null)
    .executeTakeFirstOrThrow();
  return perform(installation, id);
}

describe("a license that was erased by a clock that was a year ahead", () => {
  it("doesn't keep the control data from being backed up for that year, nor older ones in the store", async () => {
    const { license } = await acceptLicense(installation, ORDER);
    expect(await controlBackedUp()).toMatchObject({ kind: "succeeded" });
    const [before] = (await listBackups(ctx, { kind: "control" }, { limit: 1 })).items;
    await sql`update tenantry.licenses set erased_at = now() + interval '1 year' where key = ${license.key}`.execute(
      ctx.control,
    );
    await keepBackups(ctx);
    expect(await controlBackedUp()).toMatchObject({ kind: "succeeded" });
    await keepBackups(ctx);
    const ids = (await listBackups(ctx, { kind: "control" }, { limit: 10 })).items.map(({ id }) => id);
    expect(ids).toHaveLength(1);
    expect(ids).not.toContain(before?.id);
  });
});
