import {
  about,
  collateClause,
  isIdentitySequence,
  type OwnObjects,
  ownRelations,
  ownTypes,
  sequenceOptions,
} from "./own-objects.ts";
import { objectColumns } from "./statement.ts";

/** Queries for a schema's types, domains and sequences. */
export function typeObjects(own: OwnObjects): string[] {
  const types = ownTypes(own);
  const type = (kind: string, sql: string): string =>
    `SELECT ${objectColumns({
      class: "pg_type",
      oid: "type.oid",
      rank: "type",
      phase: "before",
      sort: "type.typname",
      target: kind === "d" ? "format('DOMAIN %I', type.typname)" : "format('TYPE %I', type.typname)",
      sql,
    })} FROM ${types} AS type WHERE type.typtype = '${kind}'`;
  const ofTypes = [
    type(
      "e",
      `format('CREATE TYPE %I AS ENUM (%s)', type.typname,
        (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = type.oid))`,
    ),
    type(
      "c",
      `format('CREATE TYPE %I AS (%s)', type.typname,
        (SELECT string_agg(format('%I %s%s', attname, format_type(atttypid, atttypmod), ${collateClause("attcollation", "atttypid")}), ', ' ORDER BY attnum)
         FROM pg_attribute WHERE attrelid = type.typrelid AND attnum > 0 AND NOT attisdropped))`,
    ),
    type("d", DOMAIN),
    `${type("r", RANGE)} AND (SELECT rngcanonical FROM pg_range WHERE rngtypid = type.oid) = 0`,
    `SELECT ${objectColumns({
      class: "pg_constraint",
      oid: "con.oid",
      rank: "constraint",
      phase: "after",
      sort: "format('%I %I', type.typname, con.conname)",
      target: "format('CONSTRAINT %I ON DOMAIN %I', con.conname, type.typname)",
      sql: "CASE WHEN NOT con.convalidated THEN format('ALTER DOMAIN %I ADD CONSTRAINT %I %s', type.typname, con.conname, pg_get_constraintdef(con.oid)) END",
    })} FROM ${types} AS type JOIN pg_constraint AS con ON con.contypid = type.oid WHERE type.typtype = 'd'`,
  ];
  const ofSequences = [
    `SELECT ${objectColumns({
      class: "pg_class",
      oid: "relation.oid",
      rank: "sequence",
      phase: "before",
      sort: "relation.relname",
      target: "format('SEQUENCE %I', relation.relname)",
      sql: `CASE WHEN NOT ${isIdentitySequence("relation.oid")} THEN
        format('CREATE %sSEQUENCE %I AS %s %s', CASE relation.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END,
          relation.relname, format_type(option.seqtypid, NULL), ${sequenceOptions("option")}) END`,
    })} FROM ${ownRelations(own)} AS relation JOIN pg_sequence AS option ON option.seqrelid = relation.oid`,
    `SELECT ${objectColumns({
      class: "owned",
      oid: "relation.oid",
      rank: "ownedSequence",
      phase: "before",
      sort: "relation.relname",
      sql: "format('ALTER SEQUENCE %I OWNED BY %s.%I', relation.relname, owner.refobjid::regclass, attribute.attname)",
    })} FROM ${ownRelations(own)} AS relation
      JOIN pg_depend AS owner ON owner.classid = 'pg_class'::regclass AND owner.objid = relation.oid
        AND owner.refclassid = 'pg_class'::regclass AND owner.deptype = 'a' AND owner.refobjsubid > 0
      JOIN pg_attribute AS attribute ON attribute.attrelid = owner.refobjid AND attribute.attnum = owner.refobjsubid
      WHERE relation.relkind = 'S'`,
  ];
  const ofCollations = [
    `SELECT ${objectColumns({
      class: "pg_collation",
      oid: "coll.oid",
      rank: "type",
      phase: "before",
      // Nothing that a type is made of may come before it, and it needs nothing.
      sort: "''",
      target: "format('COLLATION %I', coll.collname)",
      sql: COLLATION,
    })} FROM pg_depend AS depend JOIN pg_collation AS coll ON coll.oid = depend.objid
      JOIN pg_namespace AS space ON space.oid = coll.collnamespace AND depend.refobjid = space.oid
      WHERE depend.classid = 'pg_collation'::regclass AND depend.refclassid = 'pg_namespace'::regclass
        AND space.oid = ${own.namespace}`,
  ];
  return [
    ...about(own, { catalog: "pg_type" }, ofTypes),
    ...about(own, { catalog: "pg_class", kinds: "S" }, ofSequences),
    ...about(own, { catalog: "pg_collation" }, ofCollations),
  ];
}

const DOMAIN = `format('CREATE DOMAIN %I AS %s%s%s%s%s', type.typname, format_type(type.typbasetype, type.typtypmod),
  ${collateClause("type.typcollation", "type.typbasetype")},
  ' DEFAULT ' || coalesce(pg_get_expr(type.typdefaultbin, 'pg_type'::regclass), quote_literal(type.typdefault)),
  coalesce((SELECT CASE WHEN con.conname = type.typname || '_not_null' THEN ' NOT NULL' ELSE format(' CONSTRAINT %I NOT NULL', con.conname) END
      FROM pg_constraint AS con WHERE con.contypid = type.oid AND con.contype = 'n'),
    CASE WHEN type.typnotnull THEN ' NOT NULL' ELSE '' END),
  (SELECT string_agg(format(' CONSTRAINT %I %s', con.conname, pg_get_constraintdef(con.oid)), '' ORDER BY con.conname COLLATE "C")
    FROM pg_constraint AS con WHERE con.contypid = type.oid AND con.contype = 'c' AND con.convalidated))`;

const RANGE = `(SELECT format('CREATE TYPE %I AS RANGE (SUBTYPE = %s%s%s%s, MULTIRANGE_TYPE_NAME = %I)', type.typname,
    format_type(range.rngsubtype, NULL),
    CASE WHEN NOT opclass.opcdefault THEN format(', SUBTYPE_OPCLASS = %s%I',
      CASE WHEN NOT pg_opclass_is_visible(opclass.oid) THEN opclass.opcnamespace::regnamespace::text || '.' ELSE '' END, opclass.opcname) ELSE '' END,
    CASE WHEN range.rngcollation <> 0 AND range.rngcollation <> subtype.typcollation THEN ', COLLATION = ' || range.rngcollation::regcollation ELSE '' END,
    CASE WHEN range.rngsubdiff <> 0 THEN ', SUBTYPE_DIFF = ' || range.rngsubdiff::regproc ELSE '' END,
    multirange.typname)
  FROM pg_range AS range JOIN pg_opclass AS opclass ON opclass.oid = range.rngsubopc
    JOIN pg_type AS subtype ON subtype.oid = range.rngsubtype JOIN pg_type AS multirange ON multirange.oid = range.rngmultitypid
  WHERE range.rngtypid = type.oid)`;

// Its locale moved to another column between PostgreSQL 15 and 17.
const COLLATION = `format('CREATE COLLATION %I (PROVIDER = %s, %s, DETERMINISTIC = %s%s)', coll.collname,
  CASE coll.collprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' ELSE 'builtin' END,
  CASE WHEN coll.collprovider = 'c' THEN format('LC_COLLATE = %L, LC_CTYPE = %L', coll.collcollate, coll.collctype)
    ELSE format('LOCALE = %L', coalesce(to_jsonb(coll) ->> 'colllocale', to_jsonb(coll) ->> 'colliculocale')) END,
  coll.collisdeterministic::text,
  ', RULES = ' || quote_literal(to_jsonb(coll) ->> 'collicurules'))`;
