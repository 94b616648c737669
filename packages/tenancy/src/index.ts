export { BACKUP_KINDS, BACKUP_STATES, RESTORE_MODES, type RestoreMode } from "@tenantry/schema";
export { adoptTenants } from "./adopt-tenants.ts";
export * from "./api-keys.ts";
export {
  MAX_BACKUPS,
  type OrderBackupsInput,
  OrderBackupsRequest,
  parseOrderBackups,
  parseRestore,
  type RestoreInput,
  RestoreRequest,
} from "./backup/backup-requests.ts";
export type { Backup, BackupFilter } from "./backup/backup-view.ts";
export { checkBackup } from "./backup/check-backup.ts";
export { importBackup } from "./backup/import-backup.ts";
export { keepBackups, tidyBackups } from "./backup/keep-backups.ts";
export {
  dropExpiredKept,
  dropKept,
  dropKeptOf,
  type KeptSchema,
  listKeptSchemas,
} from "./backup/kept-schemas.ts";
export { getBackup, listBackups } from "./backup/list-backups.ts";
export { orderBackup } from "./backup/order-backup.ts";
export { type OrderBackupsOptions, orderBackups } from "./backup/order-backups.ts";
export { type OrderRestoreInput, orderRestore } from "./backup/order-restore.ts";
export { orderVerify } from "./backup/order-verify.ts";
export type { RestoreResult } from "./backup/perform-restore.ts";
export { type BackupContent, readBackupContent } from "./backup/read-backup-content.ts";
export type { BackupResult } from "./backup/record-backup.ts";
export { noteSchedule, runSchedule } from "./backup/run-schedule.ts";
export {
  acceptBlueprint,
  assertUnchanged,
  BlueprintChangedError,
  recordBlueprints,
} from "./blueprint-contents.ts";
export {
  type CertificateKey,
  listCertificateKeys,
  type PublicJwk,
  publishedCertificateKeys,
  rotateCertificateKey,
} from "./certificate-keys.ts";
export {
  CERTIFICATE_DAYS,
  type CertificateClaims,
  type IssuedCertificate,
  issueCertificate,
  type LicenseFile,
} from "./certificates.ts";
export {
  type ChangeLicenseInput,
  ChangeLicenseRequest,
  type ExtendLicenseInput,
  ExtendLicenseRequest,
  parseChangeLicense,
  parseExtendLicense,
  parseReason,
  parseSuspendLicense,
  type ReasonInput,
  ReasonRequest,
  type SuspendLicenseInput,
  SuspendLicenseRequest,
} from "./change-license-request.ts";
export { changeLicenses } from "./change-licenses.ts";
export {
  BULK_VERBS,
  type BulkChange,
  type BulkVerb,
  CHANGE_LICENSES_REQUESTS,
  type ChangeLicensesInput,
  MAX_CHANGES,
  parseChangeLicenses,
} from "./change-licenses-request.ts";
export { PAUSED_STEP } from "./claim.ts";
export {
  type Backups,
  DEFAULT_PLACEMENT,
  type LegacyAccess,
  type Placement,
  type Placements,
  type TenancyContext,
} from "./context.ts";
export {
  type CreateLicenseAnswer,
  type CreateLicenseOutcome,
  createLicense,
  findAcceptedLicense,
} from "./create-license.ts";
export {
  type CreateLicenseInput,
  CreateLicenseRequest,
  parseCreateLicense,
} from "./create-license-request.ts";
export {
  type CreateLicensesInput,
  CreateLicensesRequest,
  createLicenses,
  MAX_LICENSES,
  parseCreateLicenses,
} from "./create-licenses.ts";
export { type DeleteLicenseOutcome, deleteLicense } from "./delete-license.ts";
export type { DeleteTenantResult } from "./delete-tenant.ts";
export type { PlainBackup } from "./deletion.ts";
export { derivedPassword, type PasswordPurpose } from "./derived-password.ts";
export type { Announce } from "./doctor/check-operations.ts";
export { examineCapacity } from "./doctor/examine-capacity.ts";
export { examineInstallation } from "./doctor/examine-installation.ts";
export { examineIsolation } from "./doctor/examine-isolation.ts";
export { examineLicense, type LicenseExamination } from "./doctor/examine-license.ts";
export type { Finding, Fix, FixOutcome } from "./doctor/finding.ts";
export { jobEntry, operationsInNeed } from "./doctor/operations-in-need.ts";
export { noteServerRoom } from "./doctor/server-room.ts";
export { type TenantTable, tenantTables } from "./doctor/tenant-tables.ts";
export type { FleetChoice } from "./drift/chosen-tenants.ts";
export {
  type DryRun,
  type DryRunInput,
  dryRunUpgrade,
  type RehearsedTenant,
} from "./drift/dry-run-upgrade.ts";
export {
  type DriftState,
  type FleetDriftInput,
  fleetDrift,
  licenseDrift,
  type TenantDrift,
} from "./drift/fleet-drift.ts";
export type { RehearsalSum } from "./drift/sum-up-rehearsals.ts";
export { eraseLicense } from "./erase/erase-license.ts";
export { operationsOfLicense } from "./erase/scrub-licenses.ts";
export * from "./errors.ts";
export type { CreateTenantResult } from "./finish-creation.ts";
export { pauseFleet, resumeFleet } from "./fleet/control-run.ts";
export { type FleetFigures, fleetFigures } from "./fleet/fleet-figures.ts";
export {
  type FleetMigrationInput,
  FleetMigrationRequest,
  parseFleetMigration,
  parseResumeFleet,
  ResumeFleetRequest,
} from "./fleet/fleet-request.ts";
export {
  type FleetGroup,
  type FleetRunSummary,
  type FleetStatus,
  fleetStatus,
} from "./fleet/fleet-status.ts";
export { type FleetStanding, fleetStandings } from "./fleet/fleet-versions.ts";
export { type FleetTenant, listFleetTenants } from "./fleet/list-tenants.ts";
export type { FleetCounts } from "./fleet/load-run.ts";
export { migrateFleet } from "./fleet/migrate-fleet.ts";
export type { FleetMigrationResult } from "./fleet/perform-fleet.ts";
export type { FleetRehearsalResult } from "./fleet/rehearse-fleet.ts";
export { type Amount, parseAmount } from "./fleet/waves.ts";
export { type Caller, type Idempotency, requestHash } from "./idempotency.ts";
export { installationId } from "./installation-id.ts";
export { installationSecret } from "./installation-secret.ts";
export { type LegacyRunFigures, legacyRunFigures } from "./legacy/legacy-figures.ts";
export { legacyFindings } from "./legacy/legacy-findings.ts";
export type {
  ImportReport,
  ItemDifferences,
  ItemTable,
  LegacyItem,
  LegacyItemState,
  ReportTable,
} from "./legacy/legacy-item.ts";
export { type LegacyItemFilter, listLegacyItems } from "./legacy/legacy-items.ts";
export {
  type LegacyMigrationInput,
  LegacyMigrationRequest,
  ON_EXISTING,
  type OnExisting,
  parseLegacyMigration,
} from "./legacy/legacy-migration-request.ts";
export type { LegacyReport, LicenseReport, QuarantineGroup } from "./legacy/legacy-report.ts";
export { type KnownSystem, legacySystems } from "./legacy/legacy-systems.ts";
export { legacyValueText } from "./legacy/legacy-value-text.ts";
export {
  findAcceptedMigration,
  type MigrateLegacyOutcome,
  migrateLegacy,
} from "./legacy/migrate-legacy.ts";
export {
  dismissQuarantine,
  listQuarantine,
  type QuarantineEntry,
  type QuarantineFilter,
} from "./legacy/quarantine.ts";
export { legacyReport } from "./legacy/read-legacy-report.ts";
export { renderLegacyReport } from "./legacy/report/page.ts";
export { retryQuarantine } from "./legacy/retry-quarantine.ts";
export { type QuarantineRetry, retryQuarantineOnce } from "./legacy/retry-quarantine-once.ts";
export {
  type CorrectedRow,
  MAX_CORRECTED_ROWS,
  parseRetryQuarantine,
  type RetryQuarantineInput,
  type RetryQuarantineOutcome,
  RetryQuarantineRequest,
} from "./legacy/retry-quarantine-request.ts";
export { sourceRoot } from "./legacy/source-root.ts";
export {
  activateLicense,
  changeLicense,
  deactivateLicense,
  extendLicense,
  findLicenseChange,
  type LicenseChange,
  resumeLicense,
  suspendLicense,
} from "./license-changes.ts";
export { type CheckOrigin, checkLicense, forgetOldChecks, type LicenseCheck } from "./license-check.ts";
export { type LicenseEvent, listLicenseEvents } from "./license-events.ts";
export { generateLicenseKey, normalizeLicenseKey } from "./license-key.ts";
export { LICENSE_STATUSES, type LicenseStatus, licenseStatus } from "./license-status.ts";
export { LICENSE_VERBS, type LicenseRefusal, type LicenseVerb, licenseRefusal } from "./license-verbs.ts";
export type { License, LicenseRow, Tenant, TenantRow } from "./license-view.ts";
export { LicenseWatch, type SignedInStanding } from "./license-watch.ts";
export {
  countLicenses,
  getLicense,
  type LicenseFilter,
  listLicenses,
} from "./licenses.ts";
export {
  changeLimits,
  type LimitChange,
  type LimitedTenant,
  limitError,
  limitUse,
} from "./limits.ts";
export { forgetOldAttempts, LOCK_MINUTES, MAX_FAILURES } from "./lockout.ts";
export { cancelOperation, type OperationChange, retryOperation } from "./operation-control.ts";
export { isFinished } from "./operation-state.ts";
export {
  type Operation,
  type OperationChildren,
  type OperationProgress,
  type OperationRow,
  toOperation,
} from "./operation-view.ts";
export { OperationWatch } from "./operation-watch.ts";
export {
  getOperation,
  listOperationEvents,
  listOperations,
  type OperationEvent,
  type OperationFilter,
} from "./operations.ts";
export * from "./outbox.ts";
export { PACES, type Pace, PaceChoice, paceOf } from "./pace/pace.ts";
export type { Page, PageRequest } from "./page.ts";
export { hashPassword, verifyPassword } from "./password.ts";
export { type PerformInput, type PerformOutcome, performOperation } from "./perform-operation.ts";
export { confirmMove } from "./placement/confirm-move.ts";
export type { MoveTenantResult } from "./placement/move-tenant.ts";
export { orderMove } from "./placement/order-move.ts";
export { ADDRESS_AGE_MS, placementUrl } from "./placement/placement-url.ts";
export { addPlacement, drainPlacement, listPlacements, type PlacementEntry } from "./placement/placements.ts";
export { type Readdressed, readdressPlacement } from "./placement/readdress-placement.ts";
export { placementOf } from "./placement.ts";
export { describeError, PROBLEM_TYPE, type Problem, statusOf, toProblem } from "./problem.ts";
export type { ProgressSink } from "./progress-reporter.ts";
export {
  type RestoreAllInput,
  type RestoreAllReport,
  type RestoredTenant,
  restoreAll,
} from "./rebuild/restore-all.ts";
export { findAcceptedRun, type RunAnswer, type RunOutcome } from "./run.ts";
export { schemaFaults } from "./schema-faults.ts";
export { isScope, SCOPES, type Scope } from "./scopes.ts";
export { generateToken, hashToken } from "./secret-token.ts";
export { endSession, getSession, type Session } from "./session.ts";
export { type SignedIn, type SignInInput, signIn } from "./sign-in.ts";
export { sizeText } from "./size-text.ts";
export type { Standing } from "./standing.ts";
export { gatewayLogin, provideGateway, tenantGateway, tenantLogin } from "./tenant-connection.ts";
export {
  ensureTenantRedis,
  type RedisTenantRef,
  removeTenantRedis,
  tenantKeyPrefix,
} from "./tenant-redis.ts";
export type { TenantUser } from "./tenant-user.ts";
export { printable, textFaults } from "./text-rules.ts";
export { asUnavailable } from "./unavailable.ts";
export { type KeepSparesInput, type KeptSpares, keepSpares } from "./warm/keep-spares.ts";
export { type WarmPoolEntry, warmPool } from "./warm/warm-pool.ts";
export { assertReady, type TenantRef, type WithTenantOptions, withTenant } from "./with-tenant.ts";
