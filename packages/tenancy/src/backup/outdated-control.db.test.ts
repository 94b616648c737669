import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { acceptLicense } from "../../../../test/support/requests.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { scrubLicenses } from "../erase/scrub-licenses.ts";
import { assertNobodyErasedSince } from "./outdated-control.ts";
import type { WrittenArchive } from "./write-archive.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

async function moment(): Promise<string> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(ctx.control);
  return rows[0]?.now.toISOString() ?? "";
}

/** Only its moment counts. */
const archiveOf = (takenAt: string) => ({ snapshot: { contents: { takenAt } } }) as WrittenArchive;

const confirm = (takenAt: string) =>
  ctx.control
    .transaction()
    .execute((transaction) => assertNobodyErasedSince(transaction, archiveOf(takenAt)));

describe("control data that were read before a license was erased", () => {
  it("become no backup any more, also when the erasure ends at that moment", async () => {
    const { license } = await acceptLicense(installation, ORDER);
    const { id } = await ctx.control
      .selectFrom("licenses")
      .select("id")
      .where("key", "=", license.key)
      .executeTakeFirstOrThrow();
    const before = await moment();
    await expect(confirm(before)).resolves.toBeUndefined();
    const late = await ctx.control.transaction().execute(async (transaction) => {
      await sql`lock table tenantry.scheduled_runs in access exclusive mode`.execute(transaction);
      // Asked while the erasure isn't committed, and so not to be seen yet.
      const asked = Promise.allSettled([confirm(before)]);
      await scrubLicenses(transaction, [id], "cli:test");
      await sql`select pg_sleep(0.2)`.execute(transaction);
      return { asked };
    });
    expect(await late.asked).toMatchObject([
      { status: "rejected", reason: { code: "UNAVAILABLE", retryable: true } },
    ]);
    await sql`select pg_sleep(0.01)`.execute(ctx.control);
    await expect(confirm(await moment())).resolves.toBeUndefined();
  });
});
