import { collateClause, type OwnObjects, ownRelations, sequenceOptions } from "./own-objects.ts";
import { objectColumns } from "./statement.ts";

/**
 * Queries for a schema's tables. A partition is made as a table of its own and then attached, which keeps the order of its
 * columns; an heir says only what is its own, so that its parent's columns stay inherited.
 */
export function tableObjects(own: OwnObjects): string[] {
  const relations = ownRelations(own);
  const table = {
    class: "pg_class",
    oid: "relation.oid",
    sort: "relation.relname",
    phase: "before",
  } as const;
  const columns = `${relations} AS relation JOIN pg_attribute AS attribute ON attribute.attrelid = relation.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped`;
  return [
    `SELECT ${objectColumns({
      ...table,
      rank: "table",
      target: "format('TABLE %I', relation.relname)",
      sql: TABLE,
    })} FROM ${relations} AS relation WHERE relation.relkind IN ('r', 'p')`,
    `SELECT ${objectColumns({
      ...table,
      class: "attach",
      rank: "partition",
      sql: "format('ALTER TABLE ONLY %s ATTACH PARTITION %I %s', inherit.inhparent::regclass, relation.relname, pg_get_expr(relation.relpartbound, relation.oid))",
    })} FROM ${relations} AS relation JOIN pg_inherits AS inherit ON inherit.inhrelid = relation.oid
      WHERE relation.relkind IN ('r', 'p') AND relation.relispartition`,
    `SELECT ${objectColumns({
      ...table,
      class: "storage",
      oid: "relation.oid || '/' || attribute.attnum",
      sort: "format('%I %s', relation.relname, lpad(attribute.attnum::text, 5, '0'))",
      rank: "columnStorage",
      head: "format('ALTER TABLE ONLY %I', relation.relname)",
      sql: `format('ALTER COLUMN %I SET STORAGE %s', attribute.attname,
        CASE attribute.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END)`,
    })} FROM ${columns} JOIN pg_type AS type ON type.oid = attribute.atttypid
      WHERE relation.relkind IN ('r', 'p', 'm') AND attribute.attstorage <> type.typstorage`,
    `SELECT ${objectColumns({
      ...table,
      class: "pg_attrdef",
      oid: "def.oid",
      phase: "after",
      sort: "format('%I %s', relation.relname, lpad(attribute.attnum::text, 5, '0'))",
      rank: "default",
      head: "format('ALTER TABLE ONLY %I', relation.relname)",
      sql: `CASE WHEN ${hasLateDefault()} THEN format('ALTER COLUMN %I SET DEFAULT %s', attribute.attname, pg_get_expr(def.adbin, 0)) END`,
    })} FROM ${columns} JOIN pg_attrdef AS def ON def.adrelid = relation.oid AND def.adnum = attribute.attnum`,
    `SELECT ${objectColumns({
      ...table,
      class: "inherited",
      oid: "relation.oid || '/' || attribute.attnum",
      phase: "after",
      sort: "format('%I %s', relation.relname, attribute.attname)",
      rank: "default",
      head: "format('ALTER TABLE ONLY %I', relation.relname)",
      sql: `concat_ws(', ',
        CASE WHEN NOT attribute.atthasdef THEN format('ALTER COLUMN %I DROP DEFAULT', attribute.attname) END,
        CASE WHEN coalesce((SELECT con.conislocal FROM pg_constraint AS con
            WHERE con.conrelid = relation.oid AND con.contype = 'n' AND con.conkey[1] = attribute.attnum), attribute.attnotnull)
          THEN format('ALTER COLUMN %I SET NOT NULL', attribute.attname) END)`,
    })} FROM ${columns} WHERE relation.relkind = 'r' AND NOT relation.relispartition AND NOT attribute.attislocal
      AND attribute.attgenerated = '' AND attribute.attidentity = ''
      AND (NOT attribute.atthasdef OR attribute.attnotnull)`,
    `SELECT ${objectColumns({
      ...table,
      class: "setting",
      oid: "relation.oid || '/' || attribute.attnum",
      phase: "after",
      sort: "format('%I %s', relation.relname, lpad(attribute.attnum::text, 5, '0'))",
      rank: "setting",
      head: "format('ALTER TABLE ONLY %I', relation.relname)",
      sql: `concat_ws(', ',
        CASE WHEN attribute.attstattarget >= 0 THEN format('ALTER COLUMN %I SET STATISTICS %s', attribute.attname, attribute.attstattarget) END,
        CASE WHEN attribute.attoptions IS NOT NULL THEN format('ALTER COLUMN %I SET (%s)', attribute.attname, array_to_string(attribute.attoptions, ', ')) END)`,
    })} FROM ${columns} WHERE relation.relkind IN ('r', 'p', 'm') AND (attribute.attstattarget >= 0 OR attribute.attoptions IS NOT NULL)`,
  ];
}

/** Defaults that call the schema's own functions come with those, and so does a view's or an heir's. */
function hasLateDefault(): string {
  return `(attribute.attgenerated = '' AND (relation.relkind = 'v' OR (NOT attribute.attislocal AND NOT relation.relispartition) OR ${callsFunction("def.oid")}))`;
}

function callsFunction(oid: string): string {
  return `EXISTS (SELECT FROM pg_depend AS call JOIN pg_proc AS called ON called.oid = call.refobjid
    WHERE call.classid = 'pg_attrdef'::regclass AND call.objid = ${oid} AND call.refclassid = 'pg_proc'::regclass)`;
}

/** SQL for what follows a column's type: whether it may be null, with the constraint's name where that is its own. */
export const NOT_NULL = `coalesce(
  (SELECT CASE WHEN NOT con.convalidated THEN ''
      WHEN con.conname = relation.relname || '_' || attribute.attname || '_not_null' THEN ' NOT NULL'
      ELSE format(' CONSTRAINT %I NOT NULL', con.conname) END || CASE WHEN con.connoinherit AND con.convalidated THEN ' NO INHERIT' ELSE '' END
    FROM pg_constraint AS con WHERE con.conrelid = relation.oid AND con.contype = 'n' AND con.conkey[1] = attribute.attnum),
  CASE WHEN attribute.attnotnull THEN ' NOT NULL' ELSE '' END)`;

// A default names no column. With its table given, PostgreSQL 15 compares all column names, for each: 20 s for 1,600.
/** SQL for a column's default, identity or expression. */
export const VALUE = `CASE
  WHEN attribute.attgenerated = 's' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(def.adbin, def.adrelid))
  WHEN attribute.attgenerated <> '' THEN format(' GENERATED ALWAYS AS (%s) VIRTUAL', pg_get_expr(def.adbin, def.adrelid))
  WHEN attribute.attidentity <> '' THEN (
    SELECT format(' GENERATED %s AS IDENTITY (SEQUENCE NAME %I %s)', CASE attribute.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
        sequence.relname, ${sequenceOptions("option")})
    FROM pg_depend AS inside JOIN pg_class AS sequence ON sequence.oid = inside.objid JOIN pg_sequence AS option ON option.seqrelid = sequence.oid
    WHERE inside.refclassid = 'pg_class'::regclass AND inside.refobjid = relation.oid AND inside.refobjsubid = attribute.attnum
      AND inside.classid = 'pg_class'::regclass AND inside.deptype = 'i')
  WHEN def.oid IS NOT NULL AND NOT ${callsFunction("def.oid")} THEN ' DEFAULT ' || pg_get_expr(def.adbin, 0)
  ELSE '' END`;

/** SQL for a column's type, with all that belongs to it. */
export const COLUMN_TYPE = `concat(format_type(attribute.atttypid, attribute.atttypmod),
      CASE attribute.attcompression WHEN 'p' THEN ' COMPRESSION pglz' WHEN 'l' THEN ' COMPRESSION lz4' ELSE '' END,
      ${collateClause("attribute.attcollation", "attribute.atttypid")})`;

/** SQL for the columns that a table's own statement makes; `relation` is a row of `pg_class`. */
export const TABLE_COLUMNS = `pg_attribute AS attribute LEFT JOIN pg_attrdef AS def ON def.adrelid = attribute.attrelid AND def.adnum = attribute.attnum
    WHERE attribute.attrelid = relation.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
      AND (attribute.attislocal OR relation.relispartition)`;

const COLUMNS = `(SELECT string_agg(format('%I %s%s%s', attribute.attname, ${COLUMN_TYPE}, ${VALUE}, ${NOT_NULL}), E',\\n  ' ORDER BY attribute.attnum)
    FROM ${TABLE_COLUMNS})`;

const TABLE = tableStatement(COLUMNS);
/** SQL for a table's own statement without its columns. */
export const BARE_TABLE = tableStatement("''");

function tableStatement(columns: string): string {
  return `format(E'CREATE %sTABLE %I (\\n  %s\\n)%s%s%s%s', CASE relation.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, relation.relname,
  ${columns},
  CASE WHEN NOT relation.relispartition THEN (
    SELECT format(' INHERITS (%s)', string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno))
    FROM pg_inherits WHERE inhrelid = relation.oid HAVING count(*) > 0) END,
  CASE WHEN relation.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(relation.oid) END,
  (SELECT ' USING ' || quote_ident(amname) FROM pg_am WHERE oid = relation.relam AND amname <> 'heap'),
  ${withOptions("relation")})`;
}

/** SQL for the WITH clause of a relation, its TOAST table's options included. */
export function withOptions(relation: string): string {
  return `(SELECT format(' WITH (%s)', string_agg(format('%s = %L', name, value), ', ' ORDER BY kind, place))
    FROM (SELECT 1 AS kind, place, name, value FROM pg_options_to_table(${relation}.reloptions) WITH ORDINALITY AS own (name, value, place)
      UNION ALL SELECT 2, place, 'toast.' || name, value
      FROM pg_class AS toast, pg_options_to_table(toast.reloptions) WITH ORDINALITY AS own (name, value, place) WHERE toast.oid = ${relation}.reltoastrelid) AS options
    HAVING count(*) > 0)`;
}
