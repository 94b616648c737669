import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { Queryable } from "../pool.ts";

/** The table in each tenant's schema that says whose it is. One row. The tenant's role can't see it. */
export const MARKER_TABLE = "tenantry_tenant";

export type SchemaOwner =
  | { readonly kind: "no-schema" }
  /** A schema that Tenantry didn't make. */
  | { readonly kind: "stranger" }
  | { readonly kind: "tenant"; readonly tenantId: string; readonly operationId: string };

/** Whose schema is it? Looks its name up in indexes, so that the number of other schemas doesn't matter. */
export async function readMarker(client: Queryable, schema: string): Promise<SchemaOwner> {
  const marker = `${quoteIdentifier(schema)}.${MARKER_TABLE}`;
  const found = await client.query<{ schema_oid: string | null; marker_oid: string | null }>(
    `SELECT to_regnamespace(${quoteLiteral(quoteIdentifier(schema))})::oid AS schema_oid, to_regclass(${quoteLiteral(marker)})::oid AS marker_oid`,
  );
  const row = found.rows[0];
  if (row?.schema_oid == null) return { kind: "no-schema" };
  if (row.marker_oid == null) return { kind: "stranger" };
  const rows = await client.query<{ tenant_id: string; operation_id: string }>(
    `SELECT tenant_id, operation_id FROM ${marker}`,
  );
  const owner = rows.rows[0];
  if (owner === undefined) return { kind: "stranger" };
  return { kind: "tenant", tenantId: owner.tenant_id, operationId: owner.operation_id };
}
