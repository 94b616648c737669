import { quoteIdentifier, quoteLiteral } from "../identifier.ts";

/**
 * SQL for the relations of a schema, as a subquery with `oid`, `relname`, `relkind`. `pg_class` has no index on the schema
 * alone, `pg_depend` has: so the number of other tenants' tables doesn't matter.
 */
export function relationsOf(schema: string): string {
  return `(SELECT class.*
    FROM pg_catalog.pg_depend AS depend JOIN pg_catalog.pg_class AS class ON class.oid = depend.objid
    WHERE depend.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
      AND depend.refobjid = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ${quoteLiteral(schema)})
      AND depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass)`;
}

/** Table names as they stand in a statement. */
export function qualified(schema: string, names: readonly string[]): string {
  return names.map((name) => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`).join(", ");
}
