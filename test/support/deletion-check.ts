import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { keyName, storeName, tenantFolder } from "@tenantry/archive";
import { type DeleteTenantResult, getBackup, type Tenant } from "@tenantry/tenancy";
import { expect } from "vitest";
import { withAdmin } from "./database.ts";
import { backupSql } from "./restore.ts";
import type { TestInstallation } from "./tenantry.ts";

/** Schemas that are on their way out. */
export async function retiredSchemas(adminUrl: string): Promise<string[]> {
  return withAdmin(adminUrl, async (client) => {
    const found = await client.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'deleting\\_%'");
    return found.rows.map((row) => row.nspname as string);
  });
}

/** Is anything of a tenant left on the server? */
export async function leftOf(
  adminUrl: string,
  { schema, role }: { schema: string; role: string },
): Promise<string[]> {
  return withAdmin(adminUrl, async (client) => {
    const found = await client.query(
      "SELECT 'schema ' || nspname AS what FROM pg_namespace WHERE nspname = $1 UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname = $2",
      [schema, role],
    );
    return found.rows.map((row) => row.what as string);
  });
}

/** The name of a tenant's role. */
export async function roleOf({ ctx }: TestInstallation, tenant: Pick<Tenant, "schema">): Promise<string> {
  const row = await ctx.control
    .selectFrom("tenants")
    .select("role_name")
    .where("schema_name", "=", tenant.schema)
    .executeTakeFirstOrThrow();
  return row.role_name;
}

/** What the store holds of a license. */
export async function storedOf({ ctx }: TestInstallation, licenseKey: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of ctx.backups.store.list(tenantFolder(licenseKey))) names.push(name);
  return names.sort();
}

/** The tenant is gone, all of it; its backup is there, once and whole. Returns the backup as SQL. */
export async function expectDeleted(
  installation: TestInstallation,
  adminUrl: string,
  row: { state: string; error: object | null; result: object | null; license_key: string | null },
  role: string,
): Promise<string> {
  expect(row.error).toBeNull();
  expect(row.state).toBe("succeeded");
  const { ctx } = installation;
  const { schema, backup } = row.result as DeleteTenantResult;
  expect(await leftOf(adminUrl, { schema, role })).toEqual([]);
  expect(await retiredSchemas(adminUrl)).toEqual([]);
  if (backup === null) throw new Error("no last backup was made");
  const { backupId, ...figures } = backup;
  const shown = await getBackup(ctx, backupId);
  expect(shown).toMatchObject({ kind: "last", state: "ready", licenseKey: row.license_key, ...figures });

  const { name } = await ctx.control
    .selectFrom("backups")
    .select("name")
    .where("id", "=", backupId)
    .executeTakeFirstOrThrow();
  const archive = storeName(name ?? "");
  if (archive === null) throw new Error("the backup has no name in the store");
  const files = shown.encrypted ? [archive, keyName(archive)] : [archive];
  expect(await storedOf(installation, row.license_key ?? "")).toEqual(files);
  const content = await buffer(await ctx.backups.store.read(archive));
  expect(content.length).toBe(backup.bytes);
  expect(createHash("sha256").update(content).digest("hex")).toBe(backup.sha256);
  const attempts = ctx.control.selectFrom("backup_attempts").select("name").where("backup_id", "=", backupId);
  expect(await attempts.execute()).toEqual([]);
  const sql = await backupSql(installation, backupId);
  expect(sql.trimEnd().endsWith("COMMIT;")).toBe(true);
  return sql;
}
