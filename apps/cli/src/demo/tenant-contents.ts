import {
  type TenancyContext,
  TenancyError,
  type TenantTable,
  tenantTables,
  withTenant,
} from "@tenantry/tenancy";

/** The tables of an erp tenant that the demonstration reads from. */
interface ErpTables {
  readonly accounts: { readonly code: string; readonly name: string; readonly name_en: string | null };
  readonly users: { readonly id: string; readonly is_admin: boolean | null };
}

export interface TenantContents {
  readonly tables: readonly TenantTable[];
  readonly accounts: readonly ErpTables["accounts"][];
  readonly admins: number;
}

const ACCOUNTS_SHOWN = 6;

/** What a tenant holds, read as an application would: through `withTenant`. */
export async function tenantContents(ctx: TenancyContext, licenseKey: string): Promise<TenantContents> {
  const tenant = await ctx.control
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .where("licenses.key", "=", licenseKey)
    .selectAll("tenants")
    .executeTakeFirst();
  if (tenant === undefined) throw new TenancyError("TENANT_NOT_FOUND", "The license has no tenant.");
  const tables = await tenantTables(ctx, tenant);
  const accounts = await withTenant<ErpTables, ErpTables["accounts"][]>(ctx, tenant, (db) =>
    db
      .selectFrom("accounts")
      .select(["code", "name", "name_en"])
      .orderBy("code")
      .limit(ACCOUNTS_SHOWN)
      .execute(),
  );
  const admins = await withTenant<ErpTables, { id: string }[]>(ctx, tenant, (db) =>
    db.selectFrom("users").select("id").where("is_admin", "=", true).execute(),
  );
  return { tables, accounts, admins: admins.length };
}
