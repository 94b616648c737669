import {
  LEDGER_LOCK_TABLE,
  LEDGER_TABLE,
  LIMITS_TABLE,
  MARKER_TABLE,
  quoteIdentifier,
  quoteLiteral,
} from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { type TenantRef, withTenant } from "../with-tenant.ts";

/** Tables that Tenantry keeps in a tenant's schema for itself. */
const BOOKKEEPING: readonly string[] = [MARKER_TABLE, LIMITS_TABLE, LEDGER_TABLE, LEDGER_LOCK_TABLE];

export interface TenantTable {
  readonly name: string;
  readonly rows: number;
}

/**
 * SQL for the blueprint's tables in a schema: `name` and `oid`. `pg_class` has no index on the schema alone, `pg_depend`
 * has: so the number of other tenants' tables doesn't matter.
 */
export function tablesOfSchema(schema: string): string {
  return `
    SELECT class.relname::text AS name, class.oid
    FROM pg_catalog.pg_depend AS depend
    JOIN pg_catalog.pg_class AS class ON class.oid = depend.objid
    WHERE depend.refclassid = 'pg_catalog.pg_namespace'::regclass
      AND depend.refobjid = to_regnamespace(${quoteLiteral(quoteIdentifier(schema))})
      AND depend.classid = 'pg_catalog.pg_class'::regclass
      AND class.relkind IN ('r', 'p')
      AND class.relname NOT IN (${BOOKKEEPING.map(quoteLiteral).join(", ")})
    ORDER BY class.relname`;
}

/**
 * A tenant's tables and how many rows each holds, seen through `withTenant`.
 *
 * @throws TenancyError TENANT_NOT_READY
 */
export async function tenantTables(ctx: TenancyContext, tenant: TenantRef): Promise<TenantTable[]> {
  return withTenant(ctx, tenant, async (db) => {
    const { rows: tables } = await sql<{
      name: string;
    }>`${sql.raw(tablesOfSchema(tenant.schema_name))}`.execute(db);
    if (tables.length === 0) return [];
    const counts = tables.map(
      ({ name }) => sql`select ${sql.lit(name)} as name, count(*) as rows from ${sql.table(name)}`,
    );
    const counted = await sql<{ name: string; rows: string }>`${sql.join(counts, sql` union all `)}`.execute(
      db,
    );
    return counted.rows.map(({ name, rows }) => ({ name, rows: Number(rows) }));
  });
}
