import { about, type OwnObjects, ownRelations } from "./own-objects.ts";
import { objectColumns } from "./statement.ts";
import { withOptions } from "./table-objects.ts";

/** Queries for what a table's rows are held to and found by: constraints, indexes, statistics. */
export function constraintObjects(own: OwnObjects): string[] {
  const relations = ownRelations(own);
  const indexes = `${relations} AS relation JOIN pg_index AS place ON place.indrelid = relation.oid JOIN pg_class AS index ON index.oid = place.indexrelid
    LEFT JOIN pg_constraint AS con ON con.conindid = place.indexrelid AND con.conrelid = relation.oid AND con.contype IN ('p', 'u', 'x')`;
  // An index that CREATE INDEX CONCURRENTLY left unfinished holds nothing to.
  const whole = "(place.indisvalid OR relation.relkind = 'p')";
  return [
    `SELECT ${objectColumns({
      class: "pg_constraint",
      oid: "con.oid",
      rank: { sql: "CASE con.contype WHEN 'f' THEN 40 ELSE 20 END" },
      phase: "after",
      sort: "format('%I %I', relation.relname, con.conname)",
      target: "format('CONSTRAINT %I ON %I', con.conname, relation.relname)",
      head: "format('ALTER TABLE %s%I', CASE WHEN relation.relkind = 'p' AND con.contype IN ('p', 'u', 'x') THEN 'ONLY ' ELSE '' END, relation.relname)",
      sql: `CASE WHEN (con.contype IN ('p', 'u', 'x') OR (con.contype IN ('c', 'f') AND con.conislocal AND con.conparentid = 0) OR (con.contype = 'n' AND NOT con.convalidated AND con.conislocal))
        THEN format('ADD CONSTRAINT %I %s', con.conname, pg_get_constraintdef(con.oid)) END`,
    })} FROM ${relations} AS relation JOIN pg_constraint AS con ON con.conrelid = relation.oid WHERE con.contype IN ('p', 'u', 'x', 'c', 'f', 'n')`,
    `SELECT ${objectColumns({
      class: "pg_class",
      oid: "index.oid",
      rank: { sql: "CASE relation.relkind WHEN 'm' THEN 55 ELSE 30 END" },
      phase: "after",
      sort: "format('%I %I', relation.relname, index.relname)",
      target: "format('INDEX %I', index.relname)",
      sql: "CASE WHEN con.oid IS NULL THEN pg_get_indexdef(index.oid) END",
      qualified:
        "format('%I.%I USING ', (SELECT nspname FROM pg_namespace WHERE oid = relation.relnamespace), relation.relname)",
      bare: "format('%I USING ', relation.relname)",
    })} FROM ${indexes} WHERE ${whole}`,
    `SELECT ${objectColumns({
      class: "index part",
      oid: "index.oid",
      rank: "indexPartition",
      phase: "after",
      sort: "format('%I %I', relation.relname, index.relname)",
      sql: "format('ALTER INDEX %s ATTACH PARTITION %I', inherit.inhparent::regclass, index.relname)",
    })} FROM ${indexes} JOIN pg_inherits AS inherit ON inherit.inhrelid = index.oid`,
    `SELECT ${objectColumns({
      class: "index setting",
      oid: "index.oid",
      rank: "setting",
      phase: "after",
      sort: "format('%I %I', relation.relname, index.relname)",
      sql: `concat_ws(E';\\n',
        CASE WHEN con.oid IS NOT NULL AND index.reloptions IS NOT NULL THEN format('ALTER INDEX %I SET (%s)', index.relname, array_to_string(index.reloptions, ', ')) END,
        CASE WHEN place.indisclustered THEN format('ALTER %s %I CLUSTER ON %I', CASE relation.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, relation.relname, index.relname) END,
        CASE WHEN place.indisreplident THEN format('ALTER TABLE ONLY %I REPLICA IDENTITY USING INDEX %I', relation.relname, index.relname) END,
        (SELECT string_agg(format('ALTER INDEX %I ALTER COLUMN %s SET STATISTICS %s', index.relname, attnum, attstattarget), E';\\n' ORDER BY attnum)
          FROM pg_attribute WHERE attrelid = index.oid AND attstattarget >= 0))`,
    })} FROM ${indexes} WHERE ${whole} AND (place.indisclustered OR place.indisreplident OR index.reloptions IS NOT NULL
      OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = index.oid AND attstattarget >= 0))`,
    `SELECT ${objectColumns({
      class: "pg_statistic_ext",
      oid: "statistics.oid",
      rank: "statistics",
      phase: "after",
      sort: "statistics.stxname",
      target: "format('STATISTICS %I', statistics.stxname)",
      sql: `pg_get_statisticsobjdef(statistics.oid) || CASE WHEN statistics.stxstattarget >= 0
        THEN format(E';\\nALTER STATISTICS %I SET STATISTICS %s', statistics.stxname, statistics.stxstattarget) ELSE '' END`,
      qualified:
        "format('CREATE STATISTICS %I.%I', (SELECT nspname FROM pg_namespace WHERE oid = statistics.stxnamespace), statistics.stxname)",
      bare: "format('CREATE STATISTICS %I', statistics.stxname)",
    })} FROM ${relations} AS relation JOIN pg_statistic_ext AS statistics ON statistics.stxrelid = relation.oid
      AND statistics.stxnamespace = relation.relnamespace`,
    `SELECT ${objectColumns({
      class: "table setting",
      oid: "relation.oid",
      rank: "setting",
      phase: "after",
      sort: "relation.relname",
      head: "format('ALTER TABLE ONLY %I', relation.relname)",
      sql: `concat_ws(', ', CASE WHEN relation.relrowsecurity THEN 'ENABLE ROW LEVEL SECURITY' END,
        CASE WHEN relation.relforcerowsecurity THEN 'FORCE ROW LEVEL SECURITY' END,
        CASE relation.relreplident WHEN 'f' THEN 'REPLICA IDENTITY FULL' WHEN 'n' THEN 'REPLICA IDENTITY NOTHING' END)`,
    })} FROM ${relations} AS relation WHERE relation.relkind IN ('r', 'p')
      AND (relation.relrowsecurity OR relation.relforcerowsecurity OR relation.relreplident IN ('f', 'n'))`,
    ...about(own, { catalog: "pg_class", kinds: "vm" }, [
      `SELECT ${objectColumns({
        class: "pg_class",
        oid: "relation.oid",
        rank: { sql: "CASE relation.relkind WHEN 'v' THEN 15 ELSE 50 END" },
        phase: "after",
        sort: "relation.relname",
        target:
          "format('%s %I', CASE relation.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, relation.relname)",
        sql: `format(E'CREATE %s %I%s AS\\n%s%s', CASE relation.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END, relation.relname,
        ${withOptions("relation")}, rtrim(pg_get_viewdef(relation.oid), ';'),
        CASE WHEN relation.relkind = 'm' THEN CASE WHEN relation.relispopulated THEN E'\\nWITH DATA' ELSE E'\\nWITH NO DATA' END END)`,
      })} FROM ${relations} AS relation WHERE relation.relkind IN ('v', 'm')`,
    ]),
  ];
}
