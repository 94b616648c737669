import { LEDGER_TABLE } from "../blueprint/compile.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { catalogQueries } from "../snapshot/ddl/catalog-queries.ts";
import { OWN_CATALOGS, type OwnObjects, objectsWithin, ownRelations } from "../snapshot/ddl/own-objects.ts";
import { BARE_TABLE, COLUMN_TYPE, NOT_NULL, TABLE_COLUMNS, VALUE } from "../snapshot/ddl/table-objects.ts";
import { MARKER_TABLE } from "../tenant/marker.ts";

/** Where the first statement leaves what the next ones ask for, until the transaction ends. */
const setting = (name: string): string => `current_setting('tenantry.drift_${name}')`;

/** A schema's objects as the message's first statement has found them: so the question is one text for all schemas. */
const FOUND_OBJECTS: OwnObjects = {
  namespace: `${setting("namespace")}::oid`,
  classIds: `${setting("classes")}::oid[]`,
  objectIds: `${setting("objects")}::oid[]`,
  oidsOf: (catalog) => `${setting(catalog)}::oid[]`,
  has: () => true,
};

export interface StructureQuestion {
  readonly schema: string;
  /** The tenant's. */
  readonly role: string;
  /** `digest`: one row for the schema. `facts`: one for each fact, too. */
  readonly wanted: "digest" | "facts";
}

/**
 * SQL that reads a schema's structure, inside a transaction. The last `FETCH` but one gives a row as in `DigestRow`, the last
 * one, where facts are wanted, rows as in `FactRow`. Leaves the schema first on the path.
 *
 * What is asked is understood while `pg_catalog` alone is on the path, and answered while the schema is before it: see
 * `readCatalog`.
 */
export function structureQuery({ schema, role, wanted }: StructureQuestion): string {
  return [
    "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL quote_all_identifiers = off",
    `DO ${quoteLiteral(findObjects(schema, role)).trim()}`,
    `DECLARE tenantry_digest NO SCROLL CURSOR FOR ${DIGEST}`,
    ...(wanted === "facts" ? [`DECLARE tenantry_facts NO SCROLL CURSOR FOR ${FACTS}`] : []),
    `SET LOCAL search_path = ${quoteIdentifier(schema)}, pg_catalog, pg_temp`,
    "FETCH ALL FROM tenantry_digest",
    ...(wanted === "facts" ? ["FETCH ALL FROM tenantry_facts"] : []),
    "CLOSE ALL",
  ].join(";\n");
}

function findObjects(schema: string, role: string): string {
  const table = (name: string): string => quoteLiteral(`${quoteIdentifier(schema)}.${name}`).trim();
  const set = (name: string, value: string): string =>
    `PERFORM set_config('tenantry.drift_${name}', ${value}, true);`;
  return `DECLARE
  namespace oid := coalesce((SELECT oid FROM pg_namespace WHERE nspname = ${quoteLiteral(schema)}), 0);
  answer text;
BEGIN
  ${set("schema", quoteLiteral(schema))}
  ${set("namespace", "namespace::text")}
  PERFORM set_config('tenantry.reading_role', ${quoteLiteral(role)}, true);
  PERFORM set_config('tenantry.drift_classes', coalesce(array_agg(own.classid)::text, '{}'), true),
    set_config('tenantry.drift_objects', coalesce(array_agg(own.objid)::text, '{}'), true),
    ${OWN_CATALOGS.map(
      (catalog) =>
        `set_config('tenantry.drift_${catalog}', coalesce((array_agg(own.objid) FILTER (WHERE own.classid = '${catalog}'::regclass))::text, '{}'), true)`,
    ).join(",\n    ")}
  FROM ${objectsWithin("namespace")} AS own;
  IF to_regclass(${table(LEDGER_TABLE)}) IS NOT NULL THEN
    EXECUTE ${quoteLiteral(`SELECT count(*) || ' ' || coalesce(max(name COLLATE "C"), '') FROM ${quoteIdentifier(schema)}.${LEDGER_TABLE}`)} INTO answer;
  END IF;
  ${set("ledger", "coalesce(answer, '')")}
  answer := NULL;
  IF to_regclass(${table(MARKER_TABLE)}) IS NOT NULL THEN
    EXECUTE ${quoteLiteral(`SELECT tenant_id::text FROM ${quoteIdentifier(schema)}.${MARKER_TABLE}`)} INTO answer;
  END IF;
  ${set("tenant", "coalesce(answer, '')")}
END`;
}

const LITERAL = "''(?:[^'']|'''')*''|\"(?:[^\"]|\"\")*\"";
const CAST = '::(?:"(?:[^"]|"")*"|[a-z_][a-z_0-9 .]*)(?:\\(\\d+(?:,\\d+)?\\))?(?:\\[\\])*';

/**
 * SQL for an expression without what PostgreSQL may add or take away when it reads what it printed, as it does when a tenant
 * is restored: casts, parentheses, blanks. What is quoted stays. As `bareExpressions`, for a digest that is made on the server.
 */
function bare(sql: string): string {
  return `regexp_replace(regexp_replace(${sql}, '(${LITERAL})|${CAST}', '\\1', 'g'), '(${LITERAL})|[\\s()]+', '\\1', 'g')`;
}

/** SQL for an object's statement as it would be in a schema of any name. */
const ANYWHERE = `CASE WHEN object.class = 'pg_proc' AND substring(printed FROM E'\\n SET search_path TO [^\\n]*') IS NOT NULL
    THEN replace(printed, substring(printed FROM E'\\n SET search_path TO [^\\n]*'),
      replace(substring(printed FROM E'\\n SET search_path TO [^\\n]*'), quote_literal(${setting("schema")}), '''its own'''))
    ELSE printed END`;

const PRINTED = `CASE WHEN position(object.qualified IN object.sql) > 0
    THEN overlay(object.sql PLACING object.bare FROM position(object.qualified IN object.sql) FOR length(object.qualified)) ELSE object.sql END`;

/** SQL for what tells an object from others of its class; a column's number says nothing where columns were dropped. */
export const OBJECT_NAME = `coalesce(object.target, CASE WHEN object.sort ~ ' [0-9]{5}$'
    THEN left(object.sort, -5) || substring(object.sql FROM 'ALTER COLUMN ("(?:[^"]|"")*"|[^ ]+)') ELSE object.sort END)`;

const RIGHTS = "string_agg(privilege || CASE WHEN grantable THEN '*' ELSE '' END, ', ' ORDER BY privilege)";
const OUR_GRANTEE = `CASE grantee WHEN 'role ' || current_setting('tenantry.reading_role') THEN 'tenant' ELSE grantee END`;
const OURS = `grantee IN ('public', 'owner', 'role ' || current_setting('tenantry.reading_role'))`;

/** SQL for all facts of a schema's structure: class, name, the table or the like that it is of, its text as it is and as it is compared. */
function facts(own: OwnObjects): string {
  const queries = catalogQueries(own);
  const relations = ownRelations(own);
  const column = (kind: string, text: string): string =>
    `SELECT '${kind}', format('%I.%I', relation.relname, attribute.attname), quote_ident(relation.relname), ${text} AS text, true
     FROM ${relations} AS relation, ${TABLE_COLUMNS} AND relation.relkind IN ('r', 'p')`;
  return `SELECT fact.class, fact.name, fact.part_of, fact.text, CASE WHEN loose THEN ${bare("fact.text")} ELSE fact.text END AS compared
    FROM (
      SELECT object.class, ${OBJECT_NAME} AS name, object.sort AS part_of, ${ANYWHERE} AS text,
        object.class <> 'pg_proc' OR printed !~ E'\\nAS \\\\$' AS loose
      FROM (${queries.objects}) AS object, LATERAL (SELECT ${PRINTED} AS printed) AS printing
      WHERE object.sql <> '' AND NOT (object.class = 'pg_class' AND object.rank = 2)
      UNION ALL SELECT 'table', format('%I', relation.relname), quote_ident(relation.relname), ${BARE_TABLE}, true FROM ${relations} AS relation WHERE relation.relkind IN ('r', 'p')
      UNION ALL ${column("column", COLUMN_TYPE)}
      UNION ALL SELECT * FROM (${column("default", VALUE)}) AS given WHERE text <> ''
      UNION ALL SELECT * FROM (${column("not null", NOT_NULL)}) AS given WHERE text <> ''
      UNION ALL SELECT 'pg_class', format('INDEX %I', index.relname), format('%I %I', relation.relname, index.relname), 'INVALID', false
        FROM ${relations} AS relation JOIN pg_index AS place ON place.indrelid = relation.oid JOIN pg_class AS index ON index.oid = place.indexrelid
        WHERE relation.relkind <> 'p' AND NOT place.indisvalid
      UNION ALL SELECT 'rights', concat(target, ' (' || quote_ident("column") || ')', ' ', ${OUR_GRANTEE}), target, ${RIGHTS}, false
        FROM (${queries.rights}) AS given WHERE NOT expected AND ${OURS} GROUP BY target, "column", grantee
      UNION ALL SELECT 'default rights', kind || ' ' || ${OUR_GRANTEE}, kind, ${RIGHTS}, false
        FROM (${queries.defaultRights}) AS given WHERE own AND ${OURS} AND grantee <> 'owner' GROUP BY kind, grantee
      UNION ALL SELECT 'schema rights', ${OUR_GRANTEE}, 'SCHEMA', ${RIGHTS}, false
        FROM (${queries.schemaRights}) AS given WHERE ${OURS} AND grantee <> 'owner' GROUP BY grantee
      UNION ALL SELECT 'other', name, '', name, false FROM (${queries.unsupported}) AS given
    ) AS fact (class, name, part_of, text, loose)`;
}

const FACTS = facts(FOUND_OBJECTS);
const DIGEST = `SELECT ${setting("namespace")} <> '0' AS there, ${setting("ledger")} AS ledger, nullif(${setting("tenant")}, '') AS tenant, (
    SELECT encode(sha256(convert_to(coalesce(string_agg(concat_ws(E'\\t', class, name, compared), E'\\n'
      ORDER BY class COLLATE "C", name COLLATE "C", compared COLLATE "C"), ''), 'UTF8')), 'hex') FROM (${FACTS}) AS fact) AS digest`;
