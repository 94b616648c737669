import { createHash } from "node:crypto";
import { DEFAULT_MIGRATION_LOCK_TABLE, DEFAULT_MIGRATION_TABLE, MIGRATION_LOCK_ID } from "kysely/migration";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { Blueprint, NamedMigration, SeedInput } from "./define.ts";
import { BlueprintError } from "./errors.ts";
import { recordStatements } from "./record.ts";

/** Kysely's table of applied migrations, and the one that its Migrator locks; both are in every tenant's schema. */
export const LEDGER_TABLE = DEFAULT_MIGRATION_TABLE;
export const LEDGER_LOCK_TABLE = DEFAULT_MIGRATION_LOCK_TABLE;

/** One migration as the SQL text that it comes down to. */
export interface CompiledMigration {
  readonly name: string;
  readonly sql: string;
  /** As in the blueprint: what is done to a tenant in use in place of `sql`. */
  readonly outsideTransaction?: readonly string[];
  /** As in the blueprint: the application's versions that it breaks. */
  readonly breaks?: string;
}

export interface CompiledBlueprint {
  readonly blueprint: Blueprint;
  /** Name of the last migration: what a tenant made now is at. */
  readonly version: string;
  readonly migrations: readonly CompiledMigration[];
  /** All migrations, in order, or the baseline in place of the first. Unqualified names: it is run with the tenant's schema as the only one on the path. */
  readonly createScript: string;
  readonly commonSeedScript: string;
  /** Number of tables that the migrations make, for people to read; without those that are Tenantry's own. */
  readonly tableCount: number;
  /** SHA-256 of everything above, hex: tells two builds of one version apart. */
  readonly fingerprint: string;
}

/**
 * Records what a blueprint's migrations would execute into one script.
 *
 * @throws BlueprintError naming the migration, when one of them needs an answer from the database.
 */
export async function compileBlueprint(blueprint: Blueprint): Promise<CompiledBlueprint> {
  const migrations = await compileMigrations(blueprint.name, blueprint.migrations);
  const commonSeedScript = toScript(
    await record(`the common seed of blueprint ${blueprint.name}`, blueprint.commonSeed ?? (async () => {})),
  );
  const createScript = await compileCreation(blueprint, migrations);
  const last = migrations.at(-1);
  if (last === undefined) throw new BlueprintError(`blueprint ${blueprint.name} has no migrations`);
  return {
    blueprint,
    version: last.name,
    migrations,
    createScript,
    commonSeedScript,
    tableCount: countTables(createScript),
    fingerprint: createHash("sha256")
      .update(createScript)
      .update("\0")
      .update(commonSeedScript)
      .digest("hex"),
  };
}

async function compileCreation(
  { name, baseline }: Blueprint,
  migrations: readonly CompiledMigration[],
): Promise<string> {
  const covered = migrations.findIndex((migration) => migration.name === baseline?.upTo) + 1;
  const first =
    baseline === undefined || covered === 0
      ? []
      : [toScript(await record(`the baseline of blueprint ${name}`, (db) => baseline.up(db)))];
  return [...first, ...migrations.slice(covered).map(({ sql }) => sql)].join("");
}

/** Compiles a list of migrations; also used for the control schema. */
export async function compileMigrations(
  owner: string,
  migrations: readonly NamedMigration[],
): Promise<CompiledMigration[]> {
  const compiled: CompiledMigration[] = [];
  for (const migration of migrations) {
    const statements = await record(`migration ${migration.name} of ${owner}`, (db) => migration.up(db));
    const { name, outsideTransaction, breaks } = migration;
    compiled.push({
      name,
      sql: toScript(statements),
      ...(outsideTransaction === undefined ? {} : { outsideTransaction }),
      ...(breaks === undefined ? {} : { breaks }),
    });
  }
  return compiled;
}

/** What the license's own rows come down to as SQL text. Cheap: a few statements built in memory. */
export async function compileSeed<P>(blueprint: Blueprint<P>, input: SeedInput<P>): Promise<string> {
  return toScript(await record(`the seed of blueprint ${blueprint.name}`, (db) => blueprint.seed(db, input)));
}

/**
 * Kysely's own two bookkeeping tables, as its Migrator makes them, so that Kysely's tools read the tenant's version.
 * Source: kysely/migration, `Migrator`'s `#ensureMigrationTableExists` and `#ensureMigrationLockTableExists`.
 */
export function ledgerTablesScript(): string {
  const ledger = quoteIdentifier(DEFAULT_MIGRATION_TABLE);
  const lock = quoteIdentifier(DEFAULT_MIGRATION_LOCK_TABLE);
  return toScript([
    `create table ${ledger} ("name" varchar(255) not null primary key, "timestamp" varchar(255) not null)`,
    `create table ${lock} ("id" varchar(255) not null primary key, "is_locked" integer default 0 not null)`,
    `insert into ${lock} ("id", "is_locked") values (${quoteLiteral(MIGRATION_LOCK_ID)}, 0)`,
  ]);
}

/** The ledger rows of migrations that were just applied. */
export function ledgerRowsScript(names: readonly string[], appliedAt: Date): string {
  if (names.length === 0) return "";
  const at = quoteLiteral(appliedAt.toISOString());
  const rows = names.map((name) => `(${quoteLiteral(name)}, ${at})`).join(", ");
  return toScript([
    `insert into ${quoteIdentifier(DEFAULT_MIGRATION_TABLE)} ("name", "timestamp") values ${rows}`,
  ]);
}

async function record(what: string, work: Parameters<typeof recordStatements>[0]): Promise<string[]> {
  try {
    return await recordStatements(work);
  } catch (error) {
    if (!(error instanceof BlueprintError)) throw error;
    throw new BlueprintError(`${what} can't be compiled: ${error.message}`, { cause: error });
  }
}

function toScript(statements: readonly string[]): string {
  // The semicolon goes on a line of its own: a statement may end in a comment.
  return statements.map((statement) => `${statement}\n;\n`).join("");
}

function countTables(script: string): number {
  return script.match(/^create table (?!"?tenantry_)/gim)?.length ?? 0;
}
