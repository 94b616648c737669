import { fileURLToPath } from "node:url";
import { announceAgain } from "@tenantry/jobs";
import { loadBlueprints } from "@tenantry/schema";
import { erp } from "@tenantry/schema/blueprints/erp";
import { examineLicense, retryOperation, signIn, withTenant } from "@tenantry/tenancy";
import type { Kysely } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "./support/database.ts";
import { ADMIN_PASSWORD, ended, orderLicense } from "./support/requests.ts";
import { backedUp, CALLER, restored } from "./support/restores.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";

const NOTES = fileURLToPath(new URL("../examples/notes-saas/blueprint", import.meta.url));
const WELCOME = "O'Brien's \\ {{license.key}}'; drop table notes; --";
const ORDER = { blueprint: "notes-saas", maxUsers: 2, parameters: { welcome: WELCOME } };

type Notes = Kysely<{ notes: { body: string }; users: { username: string } }>;

describe.each(queueStores())("a blueprint out of a folder of SQL, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const blueprints = await loadBlueprints([erp], [NOTES]);
  const installation = await openTestInstallation({ databaseUrl: database.url, redisUrl, blueprints });
  const { ctx } = installation;

  const sold = async () => {
    const { license, tenant, operation } = await orderLicense(installation, ORDER);
    expect(await ended(installation, operation.id)).toMatchObject({ state: "succeeded" });
    const row = await ctx.control
      .selectFrom("tenants")
      .selectAll()
      .where("schema_name", "=", tenant.schema)
      .executeTakeFirstOrThrow();
    return { key: license.key, row };
  };
  const notesOf = (row: Parameters<typeof withTenant>[1]) =>
    withTenant(ctx, row, (db: Notes) => db.selectFrom("notes").select("body").execute());
  const addUser = (row: Parameters<typeof withTenant>[1], username: string) =>
    withTenant(ctx, row, (db: Notes) => db.insertInto("users").values({ username }).execute());

  it("makes tenants that sign in, are limited, and come back out of a backup", async () => {
    const worker = await installation.work();
    const { key, row } = await sold();
    expect(row).toMatchObject({ blueprint: "notes-saas", version: "0001_init", state: "ready" });
    expect(await notesOf(row)).toEqual([{ body: WELCOME }]);

    const session = await signIn(ctx, {
      licenseKey: key,
      username: "admin",
      password: ADMIN_PASSWORD,
      ttlMs: 60_000,
    });
    expect(session.user).toMatchObject({ username: "admin", isAdmin: true });

    await addUser(row, "second");
    await expect(addUser(row, "third")).rejects.toMatchObject({ code: "USER_LIMIT_REACHED" });

    const backup = await backedUp(installation, key);
    await withTenant(ctx, row, (db: Notes) => db.deleteFrom("notes").execute());
    await restored(installation, backup.id, "replace");
    expect(await notesOf(row)).toEqual([{ body: WELCOME }]);
    await expect(addUser(row, "third")).rejects.toMatchObject({ code: "USER_LIMIT_REACHED" });

    const announce = async () => undefined;
    const findings = await examineLicense(ctx, { licenseKey: key, username: null, caller: CALLER, announce });
    expect(findings.filter(({ severity }) => severity !== "ok")).toEqual([]);
    await worker.close();
  });

  it("fails clearly in a worker that hasn't got it, and is made by one that has", async () => {
    const { operation } = await orderLicense(installation, ORDER);
    const without = await openTestInstallation({ databaseUrl: database.url, redisUrl });
    const ignorant = await without.work();
    expect(await ended(installation, operation.id)).toMatchObject({
      state: "failed",
      error: {
        code: "BLUEPRINT_UNKNOWN",
        detail: "There is no blueprint notes-saas in this worker.",
        hint: expect.stringContaining("TENANTRY_BLUEPRINTS"),
      },
    });
    await ignorant.close();
    const worker = await installation.work();
    await retryOperation(ctx, operation.id, CALLER);
    await announceAgain(ctx, installation.queues, operation.id);
    expect(await ended(installation, operation.id)).toMatchObject({ state: "succeeded" });
    await worker.close();
  });
});
