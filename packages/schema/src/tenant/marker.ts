import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { Queryable } from "../pool.ts";

/** The table in each tenant's schema that says whose it is. One row. The tenant's role can't see it. */
export const MARKER_TABLE = "tenantry_tenant";

/** SQL that makes it, for a schema that is the only one on the path. */
export const MARKER_SCRIPT = `CREATE TABLE ${MARKER_TABLE} (tenant_id uuid PRIMARY KEY, operation_id uuid NOT NULL, license_key varchar(64) NOT NULL, blueprint varchar(31) NOT NULL, created_at timestamptz NOT NULL DEFAULT now());\n`;

export type SchemaOwner =
  | { readonly kind: "no-schema" }
  /** A schema that Tenantry didn't make. */
  | { readonly kind: "stranger" }
  | { readonly kind: "tenant"; readonly tenantId: string; readonly operationId: string };

/** Whose schema is it? Looks its name up in indexes, so that the number of other schemas doesn't matter. */
export async function readMarker(client: Queryable, schema: string): Promise<SchemaOwner> {
  const marker = `${quoteIdentifier(schema)}.${MARKER_TABLE}`;
  const found = await client.query<{ there: boolean; usable: boolean }>(
    `SELECT ns IS NOT NULL AS there, ns IS NOT NULL AND has_schema_privilege(ns::oid, 'USAGE') AS usable
     FROM to_regnamespace(${quoteLiteral(quoteIdentifier(schema))}) AS ns`,
  );
  if (found.rows[0]?.there !== true) return { kind: "no-schema" };
  // Looking for a table in a schema that we may not enter is an error; a schema of ours we may.
  if (found.rows[0].usable !== true) return { kind: "stranger" };
  const table = await client.query<{ there: boolean }>(
    `SELECT to_regclass(${quoteLiteral(marker)}) IS NOT NULL AS there`,
  );
  if (table.rows[0]?.there !== true) return { kind: "stranger" };
  const rows = await client.query<{ tenant_id: string; operation_id: string }>(
    `SELECT tenant_id, operation_id FROM ${marker}`,
  );
  const owner = rows.rows[0];
  if (owner === undefined) return { kind: "stranger" };
  return { kind: "tenant", tenantId: owner.tenant_id, operationId: owner.operation_id };
}
