import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { performedLicense } from "../../../../test/support/perform.ts";
import { CALLER } from "../../../../test/support/restores.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { retryOperation } from "../operation-control.ts";
import { noteSchedule, runSchedule } from "./run-schedule.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({
  databaseUrl: database.url,
  blueprints: [tiny],
  backups: { schedule: "0 * * * *" },
});
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

describe("scheduled backups that come due while earlier ones are still made", async () => {
  const keys = [await performedLicense(installation, ORDER), await performedLicense(installation, ORDER)];
  await noteSchedule(ctx);
  await sql`update tenantry.settings set value = value || jsonb_build_object('since', now() - interval '1 day')
    where name = 'backup_schedule'`.execute(ctx.control);

  /** As if an hour had passed since the last run. */
  const anHourLater = () =>
    sql`update tenantry.scheduled_runs set due_at = due_at - interval '1 hour'`.execute(ctx.control);

  const whose = async (runId: string) =>
    (
      await ctx.control
        .selectFrom("operations")
        .leftJoin("licenses", "licenses.id", "operations.license_id")
        .select("licenses.key")
        .where("operations.parent_id", "=", runId)
        .execute()
    )
      .map(({ key }) => key ?? "control")
      .sort();

  it("are begun for all that isn't being made, and not twice for what is", async () => {
    const first = (await runSchedule(ctx))?.answer.operation.id ?? "";
    expect(await whose(first)).toEqual(["control", ...keys].sort());
    await anHourLater();
    // Nothing of it has ended: it is the next one as well.
    expect(await runSchedule(ctx)).toBeNull();
    // All but one have, and that one has failed.
    await sql`update tenantry.operations set state = 'succeeded', finished_at = now(), result = '{}'
      where parent_id = ${first} and license_id is distinct from (select id from tenantry.licenses where key = ${keys[1]})`.execute(
      ctx.control,
    );
    await sql`update tenantry.operations set state = 'failed', finished_at = now(), error = '{"code": "BACKUP_FAILED"}'
      where parent_id = ${first} and state = 'queued'`.execute(ctx.control);
    await anHourLater();
    // Somebody has that one made again, right before the next moment.
    await retryOperation(ctx, first, CALLER);
    const second = (await runSchedule(ctx))?.answer.operation.id ?? "";
    expect(await whose(second)).toEqual(["control", keys[0]].sort());
  });
});
