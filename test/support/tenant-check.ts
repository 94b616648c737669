import { expect } from "vitest";
import { withAdmin } from "./database.ts";

export interface SchemaFacts {
  readonly tables: number;
  readonly admins: number;
  readonly roles: number;
  readonly markers: number;
}

/** What lies in a tenant's schema, asked as the server's administrator. Null when there is no such schema. */
export async function schemaFacts(adminUrl: string, schema: string): Promise<SchemaFacts | null> {
  return withAdmin(adminUrl, async (client) => {
    const found = await client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
    if (found.rowCount === 0) return null;
    const facts = await client.query<SchemaFacts>(`
      SELECT (SELECT count(*)::int FROM pg_tables WHERE schemaname = '${schema}') AS tables,
        (SELECT count(*)::int FROM "${schema}".users) AS admins,
        (SELECT count(*)::int FROM "${schema}".roles) AS roles,
        (SELECT count(*)::int FROM "${schema}".tenantry_tenant) AS markers`);
    return facts.rows[0] ?? null;
  });
}

/** 53 tables of the ERP, Kysely's two, the marker and the limits. */
const ERP_TABLES = 53 + 2 + 1 + 1;

/** The tenant is there, once and whole. */
export async function expectWholeTenant(adminUrl: string, schema: string): Promise<void> {
  expect(await schemaFacts(adminUrl, schema)).toEqual({
    tables: ERP_TABLES,
    admins: 1,
    roles: 3,
    markers: 1,
  });
}

/** Schemas that a tenant could be in, to see that nothing was left over. */
export async function tenantSchemas(adminUrl: string): Promise<string[]> {
  return withAdmin(adminUrl, async (client) => {
    const found = await client.query(
      "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenant\\_%' ORDER BY 1",
    );
    return found.rows.map((row) => row.nspname as string);
  });
}

/** Roles that the gateways of an installation's owner may become, to see that nothing was left over. */
export async function tenantRoles(adminUrl: string, owner: string): Promise<string[]> {
  return withAdmin(adminUrl, async (client) => {
    const found = await client.query(
      `SELECT DISTINCT role.rolname
       FROM pg_auth_members AS kept JOIN pg_roles AS keeper ON keeper.oid = kept.roleid
       JOIN pg_roles AS gateway ON gateway.rolname = replace(keeper.rolname, '_keeper_', '_gateway_')
       JOIN pg_auth_members AS served ON served.member = gateway.oid JOIN pg_roles AS role ON role.oid = served.roleid
       WHERE kept.member = $1::text::regrole AND keeper.rolname LIKE '%\\_keeper\\_%' ORDER BY 1`,
      [owner],
    );
    return found.rows.map((row) => row.rolname as string);
  });
}
