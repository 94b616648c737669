import type { SqlStatement } from "./sql-statements.ts";

interface Refusal {
  readonly pattern: RegExp;
  readonly detail: string;
}

const OBJECT =
  "(OR REPLACE )?(UNLOGGED |MATERIALIZED |RECURSIVE )*(TABLE|VIEW|SEQUENCE|TYPE|DOMAIN|FUNCTION|PROCEDURE|AGGREGATE)( IF (NOT )?EXISTS)?";

const REFUSALS: readonly Refusal[] = [
  {
    pattern:
      /^(BEGIN|START TRANSACTION|COMMIT|ROLLBACK|ABORT|END|SAVEPOINT|RELEASE|PREPARE TRANSACTION)\b(?! ATOMIC)/,
    detail:
      "would begin or end a transaction, and a tenant is made in one; leave it out, Tenantry sends BEGIN and COMMIT itself",
  },
  {
    pattern:
      /^(VACUUM|CLUSTER$|ALTER SYSTEM|CREATE DATABASE|DROP DATABASE|CREATE TABLESPACE|DROP TABLESPACE)\b/,
    detail: "can't run in a transaction, and a tenant is made in one; leave it to the server's administrator",
  },
  {
    pattern:
      /^(REINDEX\b.*\bCONCURRENTLY|REFRESH MATERIALIZED VIEW CONCURRENTLY|ALTER TABLE .* DETACH PARTITION .* CONCURRENTLY)\b/,
    detail: "can't run in a migration; leave CONCURRENTLY out, or do it by hand",
  },
  {
    pattern: /^(CREATE|ALTER|DROP) (SCHEMA|ROLE|USER|GROUP)\b/,
    detail:
      "is Tenantry's affair: each tenant gets its schema and role from it, under a name that no migration can know",
  },
  {
    pattern:
      /^(CREATE|ALTER|DROP) (OR REPLACE )?(EXTENSION|PUBLICATION|SUBSCRIPTION|EVENT TRIGGER|FOREIGN DATA WRAPPER|SERVER|CAST|LANGUAGE|TRUSTED LANGUAGE|PROCEDURAL LANGUAGE|ACCESS METHOD)\b/,
    detail:
      "is for a whole database, which many tenants share; have it made once by hand, and name what is in another schema with that schema",
  },
  {
    pattern: /^(SET (SESSION |LOCAL )?(ROLE|SEARCH_PATH|SESSION AUTHORIZATION|SCHEMA)|RESET|DISCARD)\b/,
    detail: "would leave the tenant's schema; write names without a schema, they are found there",
  },
  {
    pattern: /^SET (?!LOCAL |CONSTRAINTS )/,
    detail: "would outlast the tenant's transaction on a connection that others get; write SET LOCAL",
  },
  {
    pattern: new RegExp(
      `^((CREATE|ALTER|DROP) ${OBJECT}|INSERT INTO|UPDATE|DELETE FROM|TRUNCATE( TABLE)?|COMMENT ON [A-Z]+) PUBLIC ?\\.`,
    ),
    detail:
      "names schema public, which is nobody's: all tenants would share what is there; write names without a schema",
  },
  { pattern: /^COPY\b/, detail: "can't be sent in a script; write INSERT" },
  // No operator has one: it is psql's, wherever it stands.
  { pattern: /\\/, detail: "is an order to psql, which isn't there; leave it out" },
  {
    pattern: /^(CREATE|ALTER) (OR REPLACE )?(FUNCTION|PROCEDURE|ROUTINE)\b.* SECURITY DEFINER\b/,
    detail:
      "SECURITY DEFINER would run with the rights of Tenantry's login, which reach every tenant; leave it out",
  },
];

const CONCURRENT_INDEX = /^(CREATE (UNIQUE )?INDEX CONCURRENTLY|DROP INDEX CONCURRENTLY)\b/;

/** What is wrong with a statement of a migration or seed; null when it may be there. */
export function refusal({ words }: SqlStatement): string | null {
  const found = REFUSALS.find(({ pattern }) => pattern.test(words));
  if (found !== undefined) return `${beginning(words)} … ${found.detail}`;
  if (CONCURRENT_INDEX.test(words)) {
    return `${beginning(words)} … can't run in a transaction; put it into a migration of its own whose first line is -- tenantry: no-transaction`;
  }
  return null;
}

/** What is wrong with a statement of a migration marked `no-transaction`; null when it may be there. */
export function refusalOutsideTransaction({ words }: SqlStatement): string | null {
  if (!CONCURRENT_INDEX.test(words)) {
    return `${beginning(words)} … has no place in a migration marked no-transaction, which may only CREATE or DROP INDEX CONCURRENTLY; put it into another`;
  }
  if (!/ CONCURRENTLY IF (NOT )?EXISTS\b/.test(words)) {
    return `${beginning(words)} … needs IF ${words.startsWith("DROP") ? "" : "NOT "}EXISTS, so that it can be done again after a crash`;
  }
  return null;
}

function beginning(words: string): string {
  return words.split(" ").slice(0, 3).join(" ").slice(0, 60);
}
