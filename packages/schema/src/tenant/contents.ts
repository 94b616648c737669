import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { Queryable } from "../pool.ts";

export interface ColumnContents {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  /** PostgreSQL works its value out; it can't be given. */
  readonly generated: boolean;
}

export interface TableContents {
  readonly name: string;
  /** A partitioned table holds no rows of its own. */
  readonly partitioned: boolean;
  /** A partition or an heir of another table: its columns follow that one's. */
  readonly derived: boolean;
  readonly columns: readonly ColumnContents[];
}

export interface ConstraintContents {
  readonly table: string;
  readonly name: string;
  readonly definition: string;
  readonly kind: "check" | "foreign-key";
}

/** What a schema holds besides what its blueprint's script says by itself. */
export interface SchemaContents {
  readonly tables: readonly TableContents[];
  readonly constraints: readonly ConstraintContents[];
  readonly sequences: readonly string[];
  /** Those that hold rows. */
  readonly materializedViews: readonly string[];
}

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

/** Reads what a schema holds. Inside a transaction whose `search_path` is that schema alone, so that names come bare. */
export async function readContents(client: Queryable, schema: string): Promise<SchemaContents> {
  const relations = relationsOf(schema);
  const tables = await client.query<TableContents>(`
    SELECT relation.relname AS name, relation.relkind = 'p' AS partitioned,
      EXISTS (SELECT FROM pg_inherits WHERE inhrelid = relation.oid) AS derived,
      coalesce((
        SELECT jsonb_agg(jsonb_build_object('name', attname, 'type', format_type(atttypid, atttypmod),
          'required', attnotnull, 'generated', attgenerated <> '') ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped), '[]') AS columns
    FROM ${relations} AS relation WHERE relation.relkind IN ('r', 'p') ORDER BY relation.relname`);
  const constraints = await client.query<ConstraintContents>(`
    SELECT relation.relname AS table, con.conname AS name, pg_get_constraintdef(con.oid) AS definition,
      CASE con.contype WHEN 'c' THEN 'check' ELSE 'foreign-key' END AS kind
    FROM ${relations} AS relation JOIN pg_constraint AS con ON con.conrelid = relation.oid
    WHERE con.contype IN ('c', 'f') AND con.conparentid = 0 AND con.conislocal
    ORDER BY relation.relname, con.conname`);
  const others = await client.query<{ name: string; relkind: string }>(`
    SELECT relation.relname AS name, relation.relkind FROM ${relations} AS relation
    WHERE relation.relkind = 'S' OR (relation.relkind = 'm' AND relation.relispopulated) ORDER BY relation.relname`);
  const ofKind = (kind: string): string[] =>
    others.rows.filter((row) => row.relkind === kind).map((row) => row.name);
  return {
    tables: tables.rows,
    constraints: constraints.rows,
    sequences: ofKind("S"),
    materializedViews: ofKind("m"),
  };
}

/** Table names as they stand in a statement. */
export function qualified(schema: string, names: readonly string[]): string {
  return names.map((name) => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`).join(", ");
}
