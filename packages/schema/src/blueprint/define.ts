import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import type { TSchema } from "typebox";
import type { LegacySystem } from "../legacy/legacy-system.ts";
import { BlueprintError } from "./errors.ts";
import type { LimitedTable } from "./limits.ts";

/** A Kysely handle whose table types are the blueprint author's own affair. */
// biome-ignore lint/suspicious/noExplicitAny: Kysely's own Migration type is written against Kysely<any>
export type AnyKysely = Kysely<any>;

/** How a tenant of a blueprint gets its schema's name. */
export type SchemaNaming =
  /** `tenant_<license key, lower case, '-' as '_'>`. */
  | { kind: "license-key"; prefix: string }
  /** `<prefix>001`, `<prefix>002`, …: given in order, each once. */
  | { kind: "sequence"; prefix: string; digits: number };

/** What a kind of tenant holds. Frozen by `defineBlueprint`. */
export interface Blueprint<P = unknown> {
  /** Lower-case name, used in requests (`blueprint: "erp"`) and in the registry. */
  readonly name: string;
  readonly schemaNaming: SchemaNaming;
  /** Kysely migrations in the order they run; names must sort in that same order, as Kysely's Migrator sorts them. */
  readonly migrations: readonly NamedMigration[];
  /** What new tenants get in place of the first migrations; see `squashMigrations`. */
  readonly baseline?: Baseline;
  /** Rows that are the same in every tenant. */
  readonly commonSeed?: (db: AnyKysely) => Promise<void>;
  /** Rows that depend on the license. Runs after `commonSeed`, in the same transaction. */
  seed(db: AnyKysely, seed: SeedInput<P>): Promise<void>;
  /** JSON Schema of `parameters` in a create-license request. */
  readonly parameters: TSchema;
  /** True when the tenant has a `users` table that people sign in against (see docs/blueprints.md). */
  readonly signIn: boolean;
  /** Tables whose rows the license limits, as `createLimits` was told in a migration (see docs/blueprints.md). */
  readonly limits?: readonly LimitedTable[];
  /** Systems whose licenses can move in as tenants of this blueprint (see docs/legacy.md). */
  readonly legacy?: readonly LegacySystem[];
  /** Folder that it was loaded from, as it was named; absent for those that ship with Tenantry. */
  readonly source?: string;
}

/** One step that makes what a blueprint's first migrations make, one after the other. */
export interface Baseline {
  /** The last of the migrations that it stands for. */
  readonly upTo: string;
  up(db: AnyKysely): Promise<void>;
}

export interface NamedMigration extends Migration {
  readonly name: string;
  /**
   * Statements that do to a tenant in use what `up` does to a new one, each outside a transaction and such that it may be
   * done again: `CREATE INDEX CONCURRENTLY IF NOT EXISTS …`.
   */
  readonly outsideTransaction?: readonly string[];
  /**
   * Which versions of the application it breaks, for people: "app before 2.4". A fleet migration refuses such a one until
   * it is told that none of them runs any more.
   */
  readonly breaks?: string;
}

/** What a seed may draw on: the license's own facts and the request's parameters. */
export interface SeedInput<P = unknown> {
  readonly license: {
    readonly key: string;
    readonly clientName: string;
    readonly email: string | null;
    readonly phone: string | null;
    readonly company: string | null;
    readonly maxUsers: number;
    readonly maxBranches: number;
  };
  /** Present when the license was created with an administrator; the hash is Argon2id in PHC form, or what a legacy system had. */
  readonly admin: { readonly username: string; readonly passwordHash: string } | null;
  readonly parameters: P;
}

const NAME = /^[a-z][a-z0-9-]{0,30}$/;

/**
 * Checks and freezes a blueprint.
 *
 * @throws BlueprintError `BLUEPRINT_INVALID` when its name, or the order or uniqueness of its migrations' names, is wrong.
 */
export function defineBlueprint<P>(blueprint: Blueprint<P>): Blueprint<P> {
  if (!NAME.test(blueprint.name)) {
    throw new BlueprintError(`blueprint name ${JSON.stringify(blueprint.name)} must match ${NAME}`);
  }
  if (blueprint.migrations.length === 0) {
    throw new BlueprintError(`blueprint ${blueprint.name} has no migrations`);
  }
  const names = blueprint.migrations.map((migration) => migration.name);
  const sorted = [...new Set(names)].sort();
  if (names.join("\n") !== sorted.join("\n")) {
    throw new BlueprintError(
      `migrations of blueprint ${blueprint.name} must have unique names in ascending order, got ${names.join(", ")}`,
    );
  }
  const { baseline } = blueprint;
  if (baseline !== undefined && !names.includes(baseline.upTo)) {
    throw new BlueprintError(
      `the baseline of blueprint ${blueprint.name} is for ${baseline.upTo}, which it hasn't got`,
    );
  }
  return Object.freeze(blueprint);
}
