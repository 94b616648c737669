import { DEFAULT_MIGRATION_TABLE } from "kysely/migration";
import {
  type CompiledMigration,
  compileMigrations,
  ledgerRowsScript,
  ledgerTablesScript,
} from "../blueprint/compile.ts";
import type { NamedMigration } from "../blueprint/define.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { ADVISORY_LOCK_SPACE } from "../tenant/advisory-lock.ts";
import { licensesTenantsOperations } from "./migrations/0001-licenses-tenants-operations.ts";
import { sessions } from "./migrations/0002-sessions.ts";
import { gateways } from "./migrations/0003-gateways.ts";
import { licenseLife } from "./migrations/0004-license-life.ts";
import { certificateKeys } from "./migrations/0005-certificate-keys.ts";
import { runs } from "./migrations/0006-runs.ts";
import { deletions } from "./migrations/0007-deletions.ts";
import { sessionEnds } from "./migrations/0008-session-ends.ts";
import { legacy } from "./migrations/0009-legacy.ts";
import { backups } from "./migrations/0010-backups.ts";
import { placements } from "./migrations/0011-placements.ts";
import { blueprintMigrations } from "./migrations/0012-blueprint-migrations.ts";
import { spares } from "./migrations/0013-spares.ts";
import { fleet } from "./migrations/0014-fleet.ts";

/** Append-only: a migration that has run anywhere is never edited. */
const CONTROL_MIGRATIONS: readonly NamedMigration[] = [
  licensesTenantsOperations,
  sessions,
  gateways,
  licenseLife,
  certificateKeys,
  runs,
  deletions,
  sessionEnds,
  legacy,
  backups,
  placements,
  blueprintMigrations,
  spares,
  fleet,
];

export const CONTROL_SCHEMA = "tenantry";

/** The control schema was written by a newer Tenantry: this one must not touch it. */
export class ControlSchemaNewerError extends Error {
  readonly code = "CONTROL_SCHEMA_NEWER";
  readonly hint = "Start the Tenantry version that wrote it, or a later one.";
  override readonly name = "ControlSchemaNewerError";
}

/**
 * Brings the control schema to this version. Any number of processes may call it at once: one does it, the others wait
 * and find it done.
 *
 * Kysely's own Migrator isn't used here either, for it reads the whole catalog each time, and the catalog holds every
 * tenant's tables. Its ledger is: `kysely_migration` in the control schema.
 *
 * @throws ControlSchemaNewerError when the ledger holds a migration that this version doesn't know.
 */
export async function migrateControlSchema(pool: Pool): Promise<{ applied: readonly string[] }> {
  const migrations = await compileMigrations("the control schema", CONTROL_MIGRATIONS);
  return withClient(pool, async (client) => {
    await client.query(
      `BEGIN; SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock(${ADVISORY_LOCK_SPACE.controlMigration}, 0)`,
    );
    const applied = await migrateControl(client, migrations);
    await client.query("COMMIT");
    return { applied };
  });
}

/**
 * The same for a control schema that was just loaded, in the transaction that loaded it.
 *
 * @throws ControlSchemaNewerError
 */
export async function migrateLoadedControl(client: PoolClient): Promise<readonly string[]> {
  return migrateControl(client, await compileMigrations("the control schema", CONTROL_MIGRATIONS));
}

async function migrateControl(
  client: PoolClient,
  migrations: readonly CompiledMigration[],
): Promise<readonly string[]> {
  const known = await readLedger(client);
  const newer = [...known].filter((name) => !migrations.some((migration) => migration.name === name));
  if (newer.length > 0) {
    throw new ControlSchemaNewerError(
      `the control schema holds migrations that this version doesn't know: ${newer.join(", ")}`,
    );
  }
  const missing = migrations.filter((migration) => !known.has(migration.name));
  await client.query(controlScript(known.size === 0, missing));
  return missing.map((migration) => migration.name);
}

function controlScript(isNew: boolean, missing: readonly CompiledMigration[]): string {
  const create = isNew
    ? // CVE-2018-1058: nobody but the owner gets to put a function or table where others may look.
      `CREATE SCHEMA ${CONTROL_SCHEMA};\nREVOKE ALL ON SCHEMA ${CONTROL_SCHEMA} FROM PUBLIC;\n`
    : "";
  return [
    create,
    `SET LOCAL search_path = ${CONTROL_SCHEMA};\n`,
    isNew ? ledgerTablesScript() : "",
    ...missing.map((migration) => migration.sql),
    ledgerRowsScript(
      missing.map((migration) => migration.name),
      new Date(),
    ),
  ].join("");
}

async function readLedger(client: PoolClient): Promise<Set<string>> {
  const ledger = `${CONTROL_SCHEMA}.${DEFAULT_MIGRATION_TABLE}`;
  const found = await client.query<{ found: boolean }>(
    `SELECT to_regclass('${ledger}') IS NOT NULL AS found`,
  );
  if (found.rows[0]?.found !== true) return new Set();
  const rows = await client.query<{ name: string }>(`SELECT name FROM ${ledger}`);
  return new Set(rows.rows.map((row) => row.name));
}
