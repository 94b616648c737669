import { quoteIdentifier } from "./identifier.ts";

/** Something that PostgreSQL lets everybody do, and that a tenant's SQL has no business with. */
export interface Hardening {
  readonly name: string;
  /** What a tenant can do as long as it is open. */
  readonly risk: string;
  /** A query of one row and one column: true while everybody may. */
  readonly isOpen: string;
  /** Statements that close it, and leave it to Tenantry's own login. */
  readonly mend: string;
}

const LARGE_OBJECTS = [
  "lo_creat(integer)",
  "lo_create(oid)",
  "lo_from_bytea(oid, bytea)",
  "lo_import(text)",
  "lo_import(text, oid)",
  "lo_export(oid, text)",
];

const ADVISORY_LOCKS = ["pg_advisory_", "pg_try_advisory_", "pg_advisory_xact_", "pg_try_advisory_xact_"]
  .flatMap((name) => [`${name}lock`, `${name}lock_shared`])
  .flatMap((name) => [`${name}(bigint)`, `${name}(integer, integer)`]);

/**
 * Takes from everybody what leads around a tenant's walls or into its neighbours' way. Rows are kept apart without it;
 * it is what hostile SQL in a tenant that logs in as itself would still find open (docs/security.md).
 *
 * @param owner Tenantry's own login, which keeps these rights
 */
export function hardenings(owner: string): readonly Hardening[] {
  const login = quoteIdentifier(owner);
  const functions = (signatures: readonly string[]): Pick<Hardening, "isOpen" | "mend"> => ({
    isOpen: `SELECT ${signatures.map((name) => `has_function_privilege('public', 'pg_catalog.${name}', 'EXECUTE')`).join(" OR ")}`,
    mend: signatures
      .flatMap((name) => [
        `REVOKE EXECUTE ON FUNCTION pg_catalog.${name} FROM PUBLIC;`,
        `GRANT EXECUTE ON FUNCTION pg_catalog.${name} TO ${login};`,
      ])
      .join("\n"),
  });
  return [
    {
      name: "schema public",
      risk: "use what lies in schema public, and before PostgreSQL 15 put something there (CVE-2018-1058)",
      isOpen:
        "SELECT coalesce(has_schema_privilege('public', to_regnamespace('public')::oid, 'USAGE, CREATE'), false)",
      mend: "REVOKE ALL ON SCHEMA public FROM PUBLIC;",
    },
    {
      name: "temporary tables",
      risk: "make temporary tables, which live on a session that others use after it",
      isOpen: "SELECT has_database_privilege('public', current_database(), 'TEMPORARY')",
      mend: "DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;",
    },
    {
      name: "procedural code",
      risk: "run DO blocks, which may hold any statement, LISTEN and NOTIFY too",
      isOpen: "SELECT has_language_privilege('public', 'plpgsql', 'USAGE')",
      mend: `REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;\nGRANT USAGE ON LANGUAGE plpgsql TO ${login};`,
    },
    {
      name: "large objects",
      risk: "fill the disk with large objects, which belong to no schema",
      ...functions(LARGE_OBJECTS),
    },
    {
      name: "advisory locks",
      risk: "take advisory locks, which all tenants share, and Tenantry too",
      ...functions(ADVISORY_LOCKS),
    },
    {
      name: "pg_notify",
      risk: "send notifications to whoever listens in this database",
      ...functions(["pg_notify(text, text)"]),
    },
    {
      name: "pg_stat_activity",
      risk: "see which other tenants are connected, and since when",
      isOpen:
        "SELECT has_function_privilege('public', 'pg_catalog.pg_stat_get_activity(integer)', 'EXECUTE') OR has_table_privilege('public', 'pg_catalog.pg_stat_activity', 'SELECT')",
      mend: [
        "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_stat_get_activity(integer) FROM PUBLIC;",
        "REVOKE SELECT ON pg_catalog.pg_stat_activity FROM PUBLIC;",
        `GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_get_activity(integer) TO ${login}, pg_monitor;`,
        `GRANT SELECT ON pg_catalog.pg_stat_activity TO ${login}, pg_monitor;`,
      ].join("\n"),
    },
  ];
}

/** All of it as one text, for a superuser connected to the database. */
export function hardeningScript(owner: string): string {
  return hardenings(owner)
    .map((each) => `${each.mend}\n`)
    .join("");
}
