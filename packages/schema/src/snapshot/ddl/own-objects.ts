import { quoteLiteral } from "../../identifier.ts";

/** What lies in a schema, but what comes with something else: indexes, triggers, an array's type. As SQL, however it is known. */
export interface OwnObjects {
  /** SQL for the schema's OID. */
  readonly namespace: string;
  /** SQL for two arrays of one length: each object's catalog, and its OID. */
  readonly classIds: string;
  readonly objectIds: string;
  /** SQL for an array of the OIDs of those that are in a catalog. */
  readonly oidsOf: (catalog: OwnCatalog) => string;
  /** Whether there are some in a catalog, of one of the kinds where those are given: `relkind` or `typtype`. */
  readonly has: (catalog: string, kinds?: string) => boolean;
}

export const OWN_CATALOGS = ["pg_class", "pg_type", "pg_proc", "pg_default_acl"] as const;
type OwnCatalog = (typeof OWN_CATALOGS)[number];

/** A row of `ownObjectsQuery`. */
export interface OwnObjectsRow {
  /** The schema's OID. */
  readonly namespace: string;
  readonly objects: readonly OwnObject[];
}

interface OwnObject {
  /** The catalog's name, and its OID. */
  readonly class: string;
  readonly classId: string;
  readonly oid: string;
  /** Of a relation its `relkind`, of a type its `typtype`. */
  readonly kind: string | null;
}

/**
 * SQL for a row of `OwnObjectsRow`: none where there is no such schema. It is asked once, and its answer stands in all other
 * questions, since to plan it in each of them takes longer than to answer them.
 */
export function ownObjectsQuery(schema: string): string {
  return `SELECT space.oid::text AS namespace, (
      SELECT coalesce(json_agg(json_build_object('class', own.classid::regclass::text, 'classId', own.classid::text, 'oid', own.objid::text,
        'kind', coalesce(relation.relkind, type.typtype)) ORDER BY own.classid, own.objid), '[]')
      FROM ${objectsWithin("space.oid")} AS own
      LEFT JOIN pg_class AS relation ON own.classid = 'pg_class'::regclass AND relation.oid = own.objid
      LEFT JOIN pg_type AS type ON own.classid = 'pg_type'::regclass AND type.oid = own.objid) AS objects
    FROM pg_namespace AS space WHERE space.nspname = ${quoteLiteral(schema)}`;
}

/**
 * SQL for what lies in a namespace, as a subquery of `classid` and `objid`. Found through `pg_depend`, which has an index, so
 * the number of other tenants' objects doesn't matter.
 */
export function objectsWithin(namespace: string): string {
  return `(SELECT DISTINCT depend.classid, depend.objid FROM pg_depend AS depend
        WHERE depend.refclassid = 'pg_namespace'::regclass AND depend.refobjid = ${namespace}
          AND NOT EXISTS (SELECT FROM pg_depend AS part
            WHERE part.classid = depend.classid AND part.objid = depend.objid AND part.deptype IN ('e', 'i')
              AND part.refclassid IN ('pg_extension'::regclass, 'pg_type'::regclass)))`;
}

/** Objects that were asked for before: their OIDs stand in the questions. */
export function listedObjects({ namespace, objects }: OwnObjectsRow): OwnObjects {
  return {
    namespace,
    classIds: oidList(objects.map(({ classId }) => classId)),
    objectIds: oidList(objects.map(({ oid }) => oid)),
    oidsOf: (catalog) => oidList(objects.flatMap((each) => (each.class === catalog ? [each.oid] : []))),
    has: (catalog, kinds) =>
      objects.some(
        ({ class: of, kind }) => of === catalog && (kinds === undefined || kinds.includes(kind ?? " ")),
      ),
  };
}

/** SQL for what lies in a schema, as a subquery of `classid` and `objid`. */
export function ownObjects({ classIds, objectIds }: OwnObjects): string {
  return `(SELECT classid, objid FROM unnest(${classIds}, ${objectIds}) AS own (classid, objid))`;
}

/** SQL for a schema's relations but its indexes, as rows of `pg_class`. */
export function ownRelations(own: OwnObjects): string {
  return rowsOf(own, "pg_class");
}

/** SQL for a schema's types that aren't a table's, an array's or a range's shadow. */
export function ownTypes(own: OwnObjects): string {
  return `(SELECT * FROM ${rowsOf(own, "pg_type")} AS type WHERE type.typtype <> 'm')`;
}

/** SQL for a schema's functions, procedures and aggregates. */
export function ownFunctions(own: OwnObjects): string {
  return rowsOf(own, "pg_proc");
}

/** SQL for the rights that new objects of a schema get, as rows of `pg_default_acl`, which has no index on the schema. */
export function ownDefaultRights(own: OwnObjects): string {
  return rowsOf(own, "pg_default_acl");
}

/** Branches of a query about objects of a catalog, of one of the kinds where some are given: none where there are none of those. */
export function about(
  own: OwnObjects,
  { catalog, kinds }: { catalog: string; kinds?: string },
  branches: readonly string[],
): readonly string[] {
  return own.has(catalog, kinds) ? branches : [];
}

function rowsOf(own: OwnObjects, catalog: OwnCatalog): string {
  return `(SELECT * FROM ${catalog} WHERE oid = ANY (${own.oidsOf(catalog)}))`;
}

function oidList(oids: readonly string[]): string {
  return `'{${oids.join(",")}}'::oid[]`;
}

/** SQL that says whether a sequence is the inside of an identity column. */
export function isIdentitySequence(oid: string): string {
  return `EXISTS (SELECT FROM pg_depend AS inner_sequence WHERE inner_sequence.classid = 'pg_class'::regclass
    AND inner_sequence.objid = ${oid} AND inner_sequence.deptype = 'i' AND inner_sequence.refclassid = 'pg_class'::regclass)`;
}

/** SQL for a sequence's options; `of` is a row of `pg_sequence`. */
export function sequenceOptions(of: string): string {
  return `format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s', ${of}.seqstart, ${of}.seqincrement,
    ${of}.seqmin, ${of}.seqmax, ${of}.seqcache, CASE WHEN ${of}.seqcycle THEN ' CYCLE' ELSE '' END)`;
}

/** SQL for the COLLATE clause where a column, attribute or domain has another collation than its type. */
export function collateClause(collation: string, ofType: string): string {
  return `CASE WHEN ${collation} <> 0 AND ${collation} <> (SELECT typcollation FROM pg_type WHERE oid = ${ofType})
    THEN ' COLLATE ' || ${collation}::regcollation ELSE '' END`;
}
