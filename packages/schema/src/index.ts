export {
  type CompiledBlueprint,
  type CompiledMigration,
  compileBlueprint,
  compileSeed,
  LEDGER_LOCK_TABLE,
  LEDGER_TABLE,
  ledgerRowsScript,
  ledgerTablesScript,
} from "./blueprint/compile.ts";
export {
  type AnyKysely,
  type Blueprint,
  defineBlueprint,
  type NamedMigration,
  type SchemaNaming,
  type SeedInput,
} from "./blueprint/define.ts";
export { BlueprintError } from "./blueprint/errors.ts";
export {
  createLimits,
  LIMIT_NAMES,
  LIMITS,
  LIMITS_TABLE,
  type LimitedTable,
  type LimitName,
  limitsOf,
  seedLimits,
} from "./blueprint/limits.ts";
export { type BlueprintRegistry, createBlueprintRegistry } from "./blueprint/registry.ts";
export { revokeFromTenant, roleSettingScript } from "./blueprint/tenant-rights.ts";
export { ensureOwnedDatabase, type OwnedDatabase } from "./bootstrap.ts";
export {
  type CatalogMeasures,
  locksToMake,
  measureSchema,
  measureServer,
  type SchemaMeasures,
  type ServerMeasures,
} from "./capacity.ts";
export { controlScript } from "./control/control-script.ts";
export { type ControlDatabase, controlDatabase, controlWithin } from "./control/database.ts";
export { ControlNotEmptyError, type LoadControlInput, loadControl } from "./control/load-control.ts";
export { CONTROL_SCHEMA, ControlSchemaNewerError, migrateControlSchema } from "./control/migrate.ts";
export * from "./control/tables.ts";
export type { Difference, DifferenceKind } from "./drift/difference.ts";
export {
  type Examination,
  type ExaminedTenant,
  type ExamineInput,
  examineStructure,
  type MendOutcome,
  type MendPatience,
  mendStructure,
} from "./drift/examine-structure.ts";
export { readReference, type StructureReference } from "./drift/reference.ts";
export { type Hardening, hardeningScript, hardenings } from "./hardening.ts";
export { MAX_IDENTIFIER_BYTES, quoteIdentifier, quoteLiteral } from "./identifier.ts";
export { describeTarget } from "./legacy/describe-target.ts";
export { ImportConstraintError, ImportRefusedError } from "./legacy/import-errors.ts";
export * from "./legacy/import-plan.ts";
export {
  type ImportFigures,
  type ImportOutcome,
  type ImportTenantInput,
  importTenant,
} from "./legacy/import-tenant.ts";
export {
  type InsertRetriedInput,
  type InsertRetriedOutcome,
  insertRetried,
  type RetriedRefusal,
  type RetriedRow,
  retryStatus,
} from "./legacy/insert-retried.ts";
export { keptTables } from "./legacy/kept-tables.ts";
export type * from "./legacy/legacy-system.ts";
export { type PlannedImport, planImport } from "./legacy/plan-import.ts";
export type { PlanInput } from "./legacy/plan-input.ts";
export * from "./legacy/source-description.ts";
export type * from "./legacy/target-description.ts";
export { type ImportedTable, VerificationError } from "./legacy/verify-tables.ts";
export { type LintedMigration, lintBlueprint, lintMigrations } from "./lint/lint-migrations.ts";
export type { LintCode, LintWarning } from "./lint/warnings.ts";
export { Listener, type ListenerOptions } from "./listener.ts";
export { countNeighbours } from "./neighbours.ts";
export { BlueprintFolderError, type FolderFault, type FolderFaults } from "./own/folder-error.ts";
export { loadBlueprints } from "./own/load-blueprints.ts";
export { loadBlueprintFolder } from "./own/load-folder.ts";
export { migrationContent } from "./own/migration-content.ts";
export { BASELINE_SUFFIX } from "./own/names.ts";
export { parameterFaults, sampleSeed } from "./own/sample-seed.ts";
export { proveBaseline, squashMigrations } from "./own/squash.ts";
export { type Trial, tryBlueprint } from "./own/try-blueprint.ts";
export { createPool, type Pool, type PoolClient, type PoolOptions } from "./pool.ts";
export { POOLED_SESSION_SETTINGS, pooledSessionFaults } from "./pooled-session.ts";
export {
  type Rehearsal,
  type RehearsalFailure,
  type RehearsedLock,
  type RehearsedMigration,
  type RehearseInput,
  rehearseUpgrade,
} from "./rehearse/rehearse-upgrade.ts";
export { schemaBytes, type TableRewrite } from "./rehearse/relations.ts";
export { scramVerifier } from "./scram-verifier.ts";
export { type AdoptInput, adoptLoaded } from "./snapshot/adopt-loaded.ts";
export { readDefinition, type SchemaDefinition, schemaFingerprint } from "./snapshot/ddl/read-definition.ts";
export { type DropKeptInput, dropKeptSchema } from "./snapshot/drop-kept-schema.ts";
export {
  SnapshotLoadError,
  SnapshotMismatchError,
  SnapshotNotPossibleError,
  SnapshotReadError,
  SnapshotUnsupportedError,
  SwapRefusedError,
  UnknownMigrationsError,
} from "./snapshot/errors.ts";
export { type LoadInput, type LoadOutcome, loadSnapshot } from "./snapshot/load-snapshot.ts";
export { migrateLoaded } from "./snapshot/migrate-loaded.ts";
export { type SwapInput, swapSchemas } from "./snapshot/swap-schemas.ts";
export { type TakeInput, type TakenSnapshot, takeSnapshot } from "./snapshot/take-snapshot.ts";
export type * from "./snapshot/tenant-snapshot.ts";
export type { LoadFigures } from "./snapshot/verify-loaded.ts";
export { isConnectionLoss, isTransient, SQLSTATE, sqlState, violatedConstraint } from "./sqlstate.ts";
export {
  lostRoleScript,
  membershipScript,
  membershipStatement,
  type TenantAccess,
  tableRightsScript,
} from "./tenant/access.ts";
export { adoptTenantScript } from "./tenant/adopt.ts";
export { ADVISORY_LOCK_SPACE, evictNameHolder } from "./tenant/advisory-lock.ts";
export { type DropInput, dropRetired, dropRoleAlone, dropTenantRole, endSessionsOf } from "./tenant/drop.ts";
export {
  allowLoginScript,
  createRoleScript,
  dropRoleScript,
  ensureGateway,
  GATEWAY_CAPACITY,
  type Gateway,
  gatewayOf,
} from "./tenant/gateway.ts";
export {
  type HandOverInput,
  type HandOverOutcome,
  handOver,
  handOverScript,
  type PickReadyInput,
  pickNamed,
  pickReady,
} from "./tenant/hand-over.ts";
export {
  type LimitUse,
  type LimitUses,
  limitUseQuery,
  type RefusedLimit,
  readLimitUse,
  renewGuards,
  setLimits,
  unguardedTables,
} from "./tenant/limits.ts";
export { type Login, LoginPools, type LoginPoolsOptions, LoginRefusedError } from "./tenant/login-pools.ts";
export { MARKER_TABLE, readMarker, type SchemaOwner } from "./tenant/marker.ts";
export {
  PROVISION_STEPS,
  type ProvisionInput,
  type ProvisionOutcome,
  type ProvisionStep,
  provisionScript,
  provisionTenant,
} from "./tenant/provision.ts";
export { findRetirable, type Retirable, type RetireInput, retireSchema } from "./tenant/retire.ts";
export { settledOwner } from "./tenant/settled-owner.ts";
export { provisionSpare, type SpareInput } from "./tenant/spare.ts";
export { StatementRefusedError } from "./tenant/statement-guard.ts";
export { type TenantScope, tenantTransaction } from "./tenant/transaction.ts";
export type { UpgradeOutcome } from "./tenant/upgrade.ts";
export { UpgradeLane } from "./tenant/upgrade-lane.ts";
export { versionCount } from "./tenant/upgrade-script.ts";
