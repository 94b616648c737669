/** The module of a folder whose migrations are in TypeScript. */
export const MODULE_FILE = "blueprint.ts";
/** Name, schema naming, sign-in, limits. */
export const SETTINGS_FILE = "blueprint.json";
/** JSON Schema of a request's parameters. */
export const PARAMETERS_FILE = "parameters.json";
/** Rows that are the same in every tenant. */
export const COMMON_SEED_FILE = "common-seed.sql";
/** Rows that depend on the license. */
export const SEED_FILE = "seed.sql";
/** What a migration's file of SQL ends in; before it stands the migration's name. */
export const MIGRATION_SUFFIX = ".up.sql";
/** What a baseline's file ends in; before it stands the last migration that it takes the place of. */
export const BASELINE_SUFFIX = ".baseline.sql";
