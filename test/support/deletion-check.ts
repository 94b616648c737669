import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DeleteTenantResult, Tenant } from "@tenantry/tenancy";
import { expect } from "vitest";
import { withAdmin } from "./database.ts";
import { readBackup } from "./restore.ts";
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

/** The tenant is gone, all of it; its backup is there, once and whole. Returns the backup's text. */
export async function expectDeleted(
  installation: TestInstallation,
  adminUrl: string,
  row: { state: string; error: object | null; result: object | null; license_key: string | null },
  role: string,
): Promise<string> {
  expect(row.error).toBeNull();
  expect(row.state).toBe("succeeded");
  const result = row.result as DeleteTenantResult;
  expect(await leftOf(adminUrl, { schema: result.schema, role })).toEqual([]);
  expect(await retiredSchemas(adminUrl)).toEqual([]);
  const directory = installation.backupDirectory;
  const files = readdirSync(directory).filter((name) => name.startsWith(row.license_key ?? "-"));
  expect(files).toEqual([result.backup?.file]);
  const path = join(directory, files[0] ?? "");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(path).size).toBe(result.backup?.bytes);
  expect(createHash("sha256").update(readFileSync(path)).digest("hex")).toBe(result.backup?.sha256);
  const text = readBackup(path);
  expect(text.trimEnd().endsWith("COMMIT;")).toBe(true);
  return text;
}
