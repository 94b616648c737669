import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { perform, performedBackup, performedLicense } from "../../../../test/support/perform.ts";
import { CALLER } from "../../../../test/support/restores.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { checkBackup } from "./check-backup.ts";
import { getBackup } from "./list-backups.ts";
import { orderVerify } from "./order-verify.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

async function verified(id: string) {
  const { answer } = await orderVerify(ctx, { id }, CALLER);
  return perform(installation, answer.operation.id);
}

describe("what was found wrong with a backup", async () => {
  const key = await performedLicense(installation, ORDER);

  async function troubled(code: string): Promise<string> {
    const { id } = await performedBackup(installation, key);
    await ctx.control
      .updateTable("backups")
      .set({ trouble: JSON.stringify({ code, detail: "as it was found" }) })
      .where("id", "=", id)
      .execute();
    return id;
  }

  it("by restoring it stays until it was restored, whatever its hashes say", async () => {
    const id = await troubled("RESTORE_FAILED");
    expect(await checkBackup(ctx, id)).toMatchObject({
      trouble: { code: "RESTORE_FAILED" },
      checkedAt: expect.any(String),
    });
    expect(await verified(id)).toMatchObject({ kind: "succeeded" });
    expect(await getBackup(ctx, id)).toMatchObject({ trouble: null });
  });

  it("by its hashes is over when they are right", async () => {
    const id = await troubled("BACKUP_CORRUPT");
    expect(await checkBackup(ctx, id)).toMatchObject({ trouble: null });
  });

  it("isn't what is wrong with the server", async () => {
    const { id } = await performedBackup(installation, key);
    await withAdmin(database.adminUrl, async (admin) => {
      await admin.query(`
        CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
          RAISE EXCEPTION 'not now' USING ERRCODE = 'insufficient_privilege';
        END $$;
        CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION public.refuse()`);
      expect(await verified(id)).toMatchObject({ kind: "failed", error: { code: "RESTORE_FAILED" } });
      await admin.query("DROP EVENT TRIGGER refuse");
    });
    expect(await getBackup(ctx, id)).toMatchObject({ trouble: null });
  });
});
