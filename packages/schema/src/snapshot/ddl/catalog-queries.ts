import { constraintObjects } from "./constraint-objects.ts";
import { functionObjects } from "./function-objects.ts";
import {
  about,
  type OwnObjects,
  ownDefaultRights,
  ownFunctions,
  ownObjects,
  ownRelations,
  ownTypes,
} from "./own-objects.ts";
import { tableObjects } from "./table-objects.ts";
import { typeObjects } from "./type-objects.ts";

/** The catalog's answers about one schema, under these names; rows as in `catalog.ts`. */
export function catalogQueries(own: OwnObjects) {
  const relations = ownRelations(own);
  return {
    objects: [
      ...typeObjects(own),
      ...tableObjects(own),
      ...constraintObjects(own),
      ...functionObjects(own),
    ].join("\nUNION ALL "),
    aliases: aliases(own),
    needs: `SELECT DISTINCT depend.classid::regclass::text AS class, depend.objid::text AS oid, depend.refclassid::regclass::text AS "needsClass", depend.refobjid::text AS "needsOid"
      FROM ${members(own)} AS member JOIN pg_depend AS depend ON depend.classid = member.classid AND depend.objid = member.objid
      WHERE depend.refclassid IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass, 'pg_constraint'::regclass, 'pg_collation'::regclass)
        AND NOT (depend.classid = 'pg_class'::regclass AND depend.deptype IN ('a', 'i') AND depend.refobjsubid > 0
          AND EXISTS (SELECT FROM pg_sequence WHERE seqrelid = depend.objid))`,
    comments: `SELECT member.classid::regclass::text AS class, member.objid::text AS oid, attribute.attname AS column, note.description AS text
      FROM ${members(own)} AS member JOIN pg_description AS note ON note.classoid = member.classid AND note.objoid = member.objid
      LEFT JOIN pg_attribute AS attribute ON note.classoid = 'pg_class'::regclass AND attribute.attrelid = note.objoid AND attribute.attnum = note.objsubid AND note.objsubid > 0
      ORDER BY note.objsubid`,
    rights: rights(own),
    defaultRights: `SELECT CASE right_list.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' ELSE right_list.defaclobjtype::text END AS kind,
        ${GRANTEE("right_list.defaclrole")} AS grantee, part.privilege_type AS privilege, part.is_grantable AS grantable, right_list.defaclrole = space.nspowner AS own
      FROM pg_namespace AS space JOIN ${ownDefaultRights(own)} AS right_list ON right_list.defaclnamespace = space.oid, aclexplode(right_list.defaclacl) AS part
      WHERE space.oid = ${own.namespace}`,
    schemaRights: `SELECT ${GRANTEE("space.nspowner")} AS grantee, part.privilege_type AS privilege, part.is_grantable AS grantable
      FROM pg_namespace AS space, aclexplode(space.nspacl) AS part WHERE space.oid = ${own.namespace}`,
    schemaComment: `SELECT obj_description(${own.namespace}, 'pg_namespace') AS text`,
    paths: about(own, { catalog: "pg_proc" }, [
      `SELECT 'pg_proc' AS class, proc.oid::text AS oid, substr(setting, length('search_path=') + 1) AS path,
        format('%I(%s)', proc.proname, pg_get_function_identity_arguments(proc.oid)) AS signature
      FROM ${ownFunctions(own)} AS proc, unnest(proc.proconfig) AS setting WHERE starts_with(setting, 'search_path=')`,
    ]).join(""),
    tables: `SELECT relation.relname AS name,
        coalesce((SELECT jsonb_agg(attname ORDER BY CASE WHEN heir.is THEN attname END COLLATE "C", attnum) FROM pg_attribute
          WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''), '[]') AS columns
      FROM ${relations} AS relation, LATERAL (SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = relation.oid) AND NOT relation.relispartition AS is) AS heir
      WHERE relation.relkind = 'r' ORDER BY relation.relname COLLATE "C"`,
    sequences: `SELECT relation.relname AS name FROM ${relations} AS relation WHERE relation.relkind = 'S' ORDER BY relation.relname COLLATE "C"`,
    unsupported: unsupported(own),
  } as const;
}

/** Everything that a statement of ours can stand for, so that what it needs and what is said of it can be asked for. */
function members(own: OwnObjects): string {
  const relations = ownRelations(own);
  const of = (catalog: string, relation: string): string =>
    `SELECT '${catalog}'::regclass, part.oid FROM own_relation JOIN ${catalog} AS part ON part.${relation} = own_relation.oid`;
  return `(WITH own_relation AS MATERIALIZED (SELECT oid FROM ${relations} AS relation)
    SELECT classid, objid FROM ${ownObjects(own)} AS own
    UNION SELECT 'pg_class'::regclass, typrelid FROM ${ownTypes(own)} AS type WHERE typrelid <> 0
    UNION SELECT 'pg_constraint'::regclass, con.oid FROM ${ownTypes(own)} AS type JOIN pg_constraint AS con ON con.contypid = type.oid
    UNION SELECT 'pg_class'::regclass, place.indexrelid FROM own_relation JOIN pg_index AS place ON place.indrelid = own_relation.oid
    UNION ${of("pg_attrdef", "adrelid")} UNION ${of("pg_constraint", "conrelid")} UNION ${of("pg_rewrite", "ev_class")}
    UNION ${of("pg_trigger", "tgrelid")} UNION ${of("pg_policy", "polrelid")} UNION ${of("pg_statistic_ext", "stxrelid")})`;
}

/** Objects that come with another's statement. */
function aliases(own: OwnObjects): string {
  const relations = ownRelations(own);
  const types = ownTypes(own);
  const row = (from: string, oid: string, to: string, toOid: string): string =>
    `SELECT '${from}' AS class, (${oid})::text AS oid, '${to}' AS "isClass", (${toOid})::text AS "isOid"`;
  return [
    `${row("pg_attrdef", "def.oid", "pg_class", "def.adrelid")} FROM ${relations} AS relation JOIN pg_attrdef AS def ON def.adrelid = relation.oid`,
    `${row("pg_rewrite", "rule.oid", "pg_class", "relation.oid")} FROM ${relations} AS relation JOIN pg_rewrite AS rule ON rule.ev_class = relation.oid WHERE rule.rulename = '_RETURN'`,
    `${row("pg_type", "type.oid", "pg_class", "relation.oid")} FROM ${relations} AS relation JOIN pg_type AS type ON type.oid = relation.reltype`,
    `${row("pg_type", "type.typarray", "pg_class", "relation.oid")} FROM ${relations} AS relation JOIN pg_type AS type ON type.oid = relation.reltype`,
    `${row("pg_class", "con.conindid", "pg_constraint", "con.oid")} FROM ${relations} AS relation JOIN pg_constraint AS con ON con.conrelid = relation.oid WHERE con.contype IN ('p', 'u', 'x')`,
    ...about(own, { catalog: "pg_type" }, [
      `${row("pg_type", "type.typarray", "pg_type", "type.oid")} FROM ${types} AS type WHERE type.typarray <> 0`,
      `${row("pg_class", "type.typrelid", "pg_type", "type.oid")} FROM ${types} AS type WHERE type.typrelid <> 0`,
      `${row("pg_type", "range.rngmultitypid", "pg_type", "type.oid")} FROM ${types} AS type JOIN pg_range AS range ON range.rngtypid = type.oid`,
      `${row("pg_constraint", "con.oid", "pg_type", "type.oid")} FROM ${types} AS type JOIN pg_constraint AS con ON con.contypid = type.oid WHERE con.convalidated`,
    ]),
  ].join("\nUNION ALL ");
}

const GRANTEE = (owner: string): string =>
  `CASE part.grantee WHEN 0 THEN 'public' WHEN ${owner} THEN 'owner' ELSE 'role ' || pg_get_userbyid(part.grantee) END`;

/** Each right that is there, and each that would be there on a new object (`expected`), the tenant's role apart. */
function rights(own: OwnObjects): string {
  const each = (
    from: string,
    list: string,
    standard: string,
    owner: string,
    target: string,
    column = "NULL::name",
  ): string =>
    [
      [list === "NULL" ? standard : `coalesce(${list}, ${standard})`, "false"],
      [standard, "true"],
    ]
      .map(
        ([
          acl,
          expected,
        ]) => `SELECT ${target} AS target, ${column} AS column, ${GRANTEE(owner)} AS grantee, part.privilege_type AS privilege,
          part.is_grantable AS grantable, ${expected} AS expected FROM ${from}, aclexplode(${acl}) AS part`,
      )
      .join("\nUNION ALL ");
  const relations = ownRelations(own);
  return [
    each(
      `${relations} AS relation`,
      "relation.relacl",
      `acldefault(CASE relation.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relation.relowner)`,
      "relation.relowner",
      "CASE relation.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END || format(' %I', relation.relname)",
    ),
    each(
      `${relations} AS relation JOIN pg_attribute AS attribute ON attribute.attrelid = relation.oid AND attribute.attacl IS NOT NULL AND NOT attribute.attisdropped`,
      "attribute.attacl",
      `acldefault('c'::"char", relation.relowner)`,
      "relation.relowner",
      "format('TABLE %I', relation.relname)",
      "attribute.attname",
    ),
    ...about(own, { catalog: "pg_proc" }, [
      each(
        `${ownFunctions(own)} AS proc`,
        "proc.proacl",
        `acldefault('f'::"char", proc.proowner)`,
        "proc.proowner",
        "format('ROUTINE %I(%s)', proc.proname, pg_get_function_identity_arguments(proc.oid))",
      ),
    ]),
    ...about(own, { catalog: "pg_type" }, [
      each(
        `${ownTypes(own)} AS type`,
        "type.typacl",
        `acldefault('T'::"char", type.typowner)`,
        "type.typowner",
        "format('TYPE %I', type.typname)",
      ),
    ]),
  ].join("\nUNION ALL ");
}

/** Names of what no statement of ours makes. */
function unsupported(own: OwnObjects): string {
  const relations = ownRelations(own);
  const owner = `(SELECT nspowner FROM pg_namespace WHERE oid = ${own.namespace})`;
  const relation = (why: string, where: string): string =>
    `SELECT format('${why} %I', relation.relname) AS name FROM ${relations} AS relation WHERE ${where}`;
  return [
    `SELECT found.type || ' ' || coalesce(found.name, found.identity) AS name FROM ${ownObjects(own)} AS own, pg_identify_object(own.classid, own.objid, 0) AS found
      WHERE own.classid NOT IN ('pg_class'::regclass, 'pg_type'::regclass, 'pg_proc'::regclass, 'pg_collation'::regclass, 'pg_statistic_ext'::regclass, 'pg_default_acl'::regclass)`,
    relation("foreign table", "relation.relkind = 'f'"),
    relation("table of a type", "relation.reloftype <> 0"),
    relation(
      "tablespace of",
      "relation.reltablespace <> 0 OR EXISTS (SELECT FROM pg_index AS place JOIN pg_class AS index ON index.oid = place.indexrelid WHERE place.indrelid = relation.oid AND index.reltablespace <> 0)",
    ),
    relation("another owner of", `relation.relowner <> ${owner}`),
    relation(
      "switched-off foreign key of",
      "EXISTS (SELECT FROM pg_trigger AS inner_trigger WHERE inner_trigger.tgrelid = relation.oid AND inner_trigger.tgisinternal AND inner_trigger.tgparentid = 0 AND inner_trigger.tgenabled <> 'O')",
    ),
    `SELECT format('another owner of %I', proc.proname) FROM ${ownFunctions(own)} AS proc WHERE proc.proowner <> ${owner}`,
    `SELECT format('another owner of %I', type.typname) FROM ${ownTypes(own)} AS type WHERE type.typowner <> ${owner}`,
    `SELECT 'security label of ' || coalesce(found.name, found.identity)
      FROM (SELECT classid, objid FROM ${ownObjects(own)} AS own UNION ALL SELECT 'pg_namespace'::regclass, ${own.namespace}) AS own,
        pg_identify_object(own.classid, own.objid, 0) AS found
      WHERE EXISTS (SELECT FROM pg_seclabel AS label WHERE label.classoid = own.classid AND label.objoid = own.objid)`,
    `SELECT format('publication %I of %I', publication.pubname, relation.relname) FROM ${relations} AS relation
      JOIN pg_publication_rel AS published ON published.prrelid = relation.oid JOIN pg_publication AS publication ON publication.oid = published.prpubid`,
    `SELECT format('default rights that %I gives', pg_get_userbyid(given.defaclrole)) FROM ${ownDefaultRights(own)} AS given
      WHERE given.defaclrole <> ${owner}`,
    relation(
      "parent in another schema of",
      "relation.relkind IN ('r', 'p') AND EXISTS (SELECT FROM pg_inherits JOIN pg_class AS parent ON parent.oid = inhparent WHERE inhrelid = relation.oid AND parent.relnamespace <> relation.relnamespace)",
    ),
    `SELECT format('type %I', type.typname) FROM ${ownTypes(own)} AS type LEFT JOIN pg_range AS range ON range.rngtypid = type.oid
      WHERE type.typtype NOT IN ('e', 'c', 'd', 'r') OR range.rngcanonical <> 0`,
    `SELECT format('function %I in %s', proc.proname, language.lanname) FROM ${ownFunctions(own)} AS proc JOIN pg_language AS language ON language.oid = proc.prolang
      WHERE language.lanname = 'c' AND proc.prokind <> 'a'`,
    `SELECT format('statistics %I on a table of another schema', statistics.stxname) FROM pg_statistic_ext AS statistics JOIN ${ownObjects(own)} AS own
        ON own.classid = 'pg_statistic_ext'::regclass AND own.objid = statistics.oid
      WHERE NOT EXISTS (SELECT FROM ${relations} AS relation WHERE relation.oid = statistics.stxrelid)`,
    `SELECT format('cast of type %I', type.typname) FROM ${ownTypes(own)} AS type
      WHERE EXISTS (SELECT FROM pg_depend AS depend WHERE depend.refclassid = 'pg_type'::regclass AND depend.refobjid = type.oid AND depend.classid = 'pg_cast'::regclass AND depend.deptype = 'n')`,
  ].join("\nUNION ALL ");
}
