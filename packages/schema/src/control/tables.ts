import type { ColumnType, Generated, JSONColumnType } from "kysely";

/** A column that the database fills when it isn't given. */
type Defaulted<T> = ColumnType<T, T | undefined, T>;
type NullableJson = ColumnType<object | null, string | null | undefined, string | null>;
/** bigint columns come as text: they may pass 2^53. */
type BigInt8 = ColumnType<string, string | number | undefined, string | number>;

export const LICENSE_TYPES = ["trial", "monthly", "quarterly", "semi_annual", "yearly", "lifetime"] as const;
export type LicenseType = (typeof LICENSE_TYPES)[number];

export const TENANT_STATES = ["provisioning", "ready", "failed", "deleting", "deleted"] as const;
export type TenantState = (typeof TENANT_STATES)[number];

export const OPERATION_KINDS = [
  "create-tenant",
  "delete-tenant",
  "migrate-legacy",
  "backup",
  "verify-backup",
  "restore",
  "move-tenant",
  "migrate-fleet",
  "create-licenses",
  "change-licenses",
  "change-license",
] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

export const OPERATION_STATES = ["queued", "running", "succeeded", "failed", "canceled"] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

export interface LicensesTable {
  id: string;
  key: string;
  client_name: string;
  email: string | null;
  phone: string | null;
  company: string | null;
  license_type: LicenseType;
  max_users: number;
  max_branches: number;
  blueprint: string;
  parameters: JSONColumnType<Record<string, unknown>>;
  is_active: Defaulted<boolean>;
  suspended_at: Date | null;
  suspension_reason: string | null;
  notes: string | null;
  admin_username: string | null;
  /** Argon2id, or what a legacy system had; kept only until the tenant holds it. */
  admin_password_hash: string | null;
  created_at: Date;
  activated_at: Date | null;
  expires_at: Date | null;
  /** When all that tells of its client was taken away; its tenant was deleted before. */
  erased_at: Date | null;
}

export interface TenantsTable {
  id: string;
  license_id: string;
  blueprint: string;
  version: string | null;
  schema_name: string;
  role_name: string;
  placement: string;
  state: TenantState;
  created_at: Date;
  ready_at: Date | null;
  /** From 1, given once: `gatewayOf` counts with it. */
  ordinal: Generated<number>;
  /** In which form its role has its rights; 2 is today's. */
  access_version: Generated<number>;
}

export interface SchemaCountersTable {
  blueprint: string;
  last: number;
}

export interface ApiKeysTable {
  id: string;
  name: string;
  token_hash: Buffer;
  scopes: string[];
  created_at: Generated<Date>;
  last_used_at: Date | null;
  revoked_at: Date | null;
}

export interface OperationsTable {
  id: string;
  kind: OperationKind;
  state: OperationState;
  license_id: string | null;
  /** The run that it is a part of. */
  parent_id: string | null;
  api_key_id: string | null;
  idempotency_key: string | null;
  request_hash: Buffer | null;
  /** The body of the first answer, given again to whoever repeats the request. */
  answer: NullableJson;
  input: JSONColumnType<Record<string, unknown>>;
  /** Never goes down: it is the fence that a claim stands behind. */
  attempts: Defaulted<number>;
  /** How many of them don't count against the limit: those before the last retry that somebody asked for, and deaths. */
  attempts_before: Defaulted<number>;
  worker: string | null;
  heartbeat_at: Date | null;
  /** Not to be enqueued before: retries wait. */
  available_at: Defaulted<Date>;
  /** When the queue was last seen to hold its job. */
  enqueued_at: Date | null;
  cancel_requested_at: Date | null;
  /** Grows with every change that a watcher should see. */
  revision: Defaulted<number>;
  percent: Defaulted<number>;
  step: Defaulted<string>;
  message: Defaulted<string>;
  done: BigInt8;
  total: BigInt8;
  result: NullableJson;
  error: NullableJson;
  /** Of a run; the database counts them. Null for an operation that is no run. */
  children: ColumnType<number | null, number | null | undefined, number | null>;
  children_succeeded: Defaulted<number>;
  children_failed: Defaulted<number>;
  children_canceled: Defaulted<number>;
  created_at: Defaulted<Date>;
  started_at: Date | null;
  finished_at: Date | null;
}

export const OPERATION_EVENT_TYPES = [
  "accepted",
  "started",
  "retrying",
  "succeeded",
  "failed",
  "retried",
  "cancel_requested",
  "canceled",
  "pause_requested",
  "paused",
  "resumed",
] as const;
export type OperationEventType = (typeof OPERATION_EVENT_TYPES)[number];

export interface OperationEventsTable {
  id: Generated<string>;
  operation_id: string;
  at: Generated<Date>;
  type: OperationEventType;
  actor: string;
  data: JSONColumnType<Record<string, unknown>, string | undefined>;
  /** The body of the first answer, when the change was asked for under an idempotency key. */
  answer: NullableJson;
  api_key_id: string | null;
  idempotency_key: string | null;
  request_hash: Buffer | null;
}

/** Every (API key, Idempotency-Key) in use; filled by triggers on the tables that keep the answers. */
export interface IdempotencyKeysTable {
  api_key_id: string;
  idempotency_key: string;
}

export const LICENSE_EVENT_TYPES = [
  "created",
  "changed",
  "suspended",
  "resumed",
  "activated",
  "deactivated",
  "extended",
  "deleted",
  "restored",
  "moved",
  "erased",
] as const;
export type LicenseEventType = (typeof LICENSE_EVENT_TYPES)[number];

export interface LicenseEventsTable {
  id: Generated<string>;
  license_id: string;
  at: Generated<Date>;
  type: LicenseEventType;
  actor: string;
  /** What the event changed, by the fields' names in the API: before and after. */
  from: JSONColumnType<Record<string, unknown>, string | undefined>;
  to: JSONColumnType<Record<string, unknown>, string | undefined>;
  reason: string | null;
  /** The body of the first answer, when the change was asked for under an idempotency key. */
  answer: NullableJson;
  api_key_id: string | null;
  idempotency_key: string | null;
  request_hash: Buffer | null;
}

/** Written by the control schema's own function `check_license`. */
export interface LicenseChecksTable {
  id: Generated<string>;
  license_id: string;
  at: Date;
  valid: boolean;
  status: string;
  reason: string | null;
  ip: string | null;
  api_key_id: string | null;
}

export interface SessionsTable {
  id: string;
  token_hash: Buffer;
  license_id: string;
  /** Id of the row in the tenant's own `users` table. */
  user_id: BigInt8;
  created_at: Generated<Date>;
  expires_at: Date;
}

export interface LoginAttemptsTable {
  subject: Buffer;
  failures: number;
  last_failure_at: Date;
  locked_until: Date | null;
}

export interface OpsSessionsTable {
  token_hash: Buffer;
  username: string;
  created_at: Generated<Date>;
  expires_at: Date;
}

export interface SettingsTable {
  name: string;
  value: JSONColumnType<unknown & object>;
}

export interface CertificateKeysTable {
  id: string;
  public_key: Buffer;
  /** What the private key is derived from; null once it is retired. */
  salt: Buffer | null;
  created_at: Defaulted<Date>;
  retired_at: Date | null;
  last_certificate_ends_at: Date | null;
}

/** What a delete-tenant operation has to know besides its license: also in a later attempt, or for its undoing. */
export interface DeletionsTable {
  operation_id: string;
  tenant_id: string;
  /** What the tenant goes back to when the deletion fails or is canceled before anything was dropped. */
  former_state: "ready" | "failed";
  /** Null until it is whole and checked; and for a tenant that had no schema. */
  backup: NullableJson;
  /** The point of no return. */
  drop_began_at: Date | null;
  deleted_at: Date | null;
}

/** What the plan of a legacy migration found of its source as a whole. */
export interface LegacyRunsTable {
  operation_id: string;
  blueprint: string;
  /** The source's folder, absolute and without links. */
  root: string;
  findings: JSONColumnType<readonly object[]>;
  planned_at: Date;
}

/** What would become, or is to become, of a license by its plan. */
export const LEGACY_FORESIGHTS = ["import", "create", "skip", "refuse"] as const;
export type LegacyForesight = (typeof LEGACY_FORESIGHTS)[number];

/** `created`: a fresh tenant, for a license without data. */
export const LEGACY_OUTCOMES = ["imported", "created", "skipped"] as const;
export type LegacyOutcome = (typeof LEGACY_OUTCOMES)[number];

/** One license of a legacy source, in one run. */
export interface LegacyItemsTable {
  id: string;
  run_id: string;
  /** From 0, in the order in which the source has them. */
  position: number;
  /** The child that moves it; null in a run that only planned. */
  operation_id: string | null;
  /** The tenant that it makes or has made. */
  tenant_id: string | null;
  name: string;
  /** Where it stands in the source, for people. */
  source: string;
  license_key: string | null;
  client_name: string;
  /** What the source says of the license; null for one that is refused. */
  facts: NullableJson;
  /** Kept only until the tenant holds it. */
  admin_password_hash: string | null;
  /** Rows of other files that go with it; kept only until the tenant holds them. */
  kept: NullableJson;
  /** Null for one without data. */
  file: string | null;
  /** Null until the file was read. */
  sha256: string | null;
  bytes: ColumnType<string | null, string | number | null | undefined, string | number | null>;
  /** What the file holds; kept until no row of it waits any more. */
  description: NullableJson;
  foresight: LegacyForesight;
  planned: NullableJson;
  rows_planned: BigInt8;
  /** Why it can't be moved, known from the plan. */
  error: NullableJson;
  /** That it can't be moved as this run has it, however often. */
  refused: Defaulted<boolean>;
  notes: JSONColumnType<readonly string[]>;
  outcome: LegacyOutcome | null;
  report: NullableJson;
  rows_done: BigInt8;
  quarantined: BigInt8;
}

export const QUARANTINE_STATES = ["open", "imported", "dismissed"] as const;
export type QuarantineState = (typeof QUARANTINE_STATES)[number];

/** A row that wasn't imported, as it was. */
export interface QuarantinedRowsTable {
  id: Generated<string>;
  run_id: string;
  item_id: string;
  source_table: string;
  target: string;
  /** The row's id in the file. */
  row_id: string;
  source_column: string;
  code: string;
  reason: string;
  row: JSONColumnType<object>;
  /** Id of the transaction on the placement that is about to bring it in, or has. */
  retried_in: string | null;
  state: Defaulted<QuarantineState>;
  changed_at: Date | null;
  changed_by: string | null;
}

export const BACKUP_KINDS = ["tenant", "control", "last"] as const;
/** `last`: of a tenant that was deleted. */
export type BackupKind = (typeof BACKUP_KINDS)[number];

export const BACKUP_STATES = ["making", "ready", "gone"] as const;
/** `gone`: removed by the retention, erased, or never finished. */
export type BackupState = (typeof BACKUP_STATES)[number];

export interface BackupsTable {
  id: string;
  /** What makes it, or brought it in. */
  operation_id: string;
  kind: BackupKind;
  state: Defaulted<BackupState>;
  /** Null for control data, and for one from elsewhere whose license isn't here. */
  license_id: string | null;
  /** Null for control data. */
  license_key: string | null;
  created_at: Defaulted<Date>;
  /** The id inside the file. From here on null until it is ready. */
  archive_id: string | null;
  /** Where it lies in the store. */
  name: string | null;
  tenant_id: string | null;
  schema_name: string | null;
  blueprint: string | null;
  version: string | null;
  bytes: ColumnType<string | null, string | number | null | undefined, string | number | null>;
  rows: ColumnType<string | null, string | number | null | undefined, string | number | null>;
  tables: number | null;
  /** Of the file as it is stored, hex. */
  sha256: string | null;
  /** Names the `BACKUP_KEY` that wraps its own; null for one that lies open. */
  key_id: string | null;
  signed: Defaulted<boolean>;
  /** The moment that all its rows are of. */
  taken_at: Date | null;
  checked_at: Date | null;
  verified_at: Date | null;
  /** What the last look at it found wrong with it; null for a good one. */
  trouble: NullableJson;
  gone_at: Date | null;
}

/** An archive that somebody writes, or has begun to write and left. */
export interface BackupAttemptsTable {
  archive_id: string;
  backup_id: string;
  attempt: number;
  name: string;
  began_at: Defaulted<Date>;
}

export const RESTORE_MODES = ["replace", "copy"] as const;
export type RestoreMode = (typeof RESTORE_MODES)[number];

export interface RestoresTable {
  operation_id: string;
  backup_id: string;
  mode: RestoreMode;
  /** That it comes back into. */
  license_id: string;
  tenant_id: string;
}

/** A schema that a restore or a move has put aside. */
export interface KeptSchemasTable {
  id: string;
  license_id: string;
  tenant_id: string;
  placement: string;
  schema_name: string;
  operation_id: string;
  reason: "restore" | "move";
  kept_at: Defaulted<Date>;
  /** Null: until somebody confirms. */
  drop_after: Date | null;
}

/** A tenant of an installation that is rebuilt out of its backups. */
export interface RebuiltTenantsTable {
  tenant_id: string;
  former_state: "ready" | "provisioning";
  /** Null while it is to come back still. */
  rebuilt_at: Date | null;
  /** The moment that its rows are of. */
  taken_at: Date | null;
  rows: ColumnType<string | null, string | number | null | undefined, string | number | null>;
  trouble: string | null;
}

/** The run that a schedule has begun for a moment that came due. */
export interface ScheduledRunsTable {
  schedule: string;
  due_at: Date;
  operation_id: string;
}

/** A PostgreSQL server that tenants live on. */
export interface PlacementsTable {
  name: string;
  /** Sealed by the installation's secret; null for the server that the control schema is on. */
  url: Buffer | null;
  /** It takes no new tenants. */
  draining: Defaulted<boolean>;
  added_at: Defaulted<Date>;
  added_by: string;
}

/** What a move-tenant operation is about. */
export interface MovesTable {
  operation_id: string;
  license_id: string;
  tenant_id: string;
  from: string;
  to: string;
  /** The point of no return: from here on the tenant lives on the new server, as soon as somebody concludes. */
  closed_at: Date | null;
}

/** What a migration of an installation's own blueprint did when it was last found good. */
export interface BlueprintMigrationsTable {
  blueprint: string;
  name: string;
  /** See `migrationContent`. */
  content: string;
  recorded_at: Generated<Date>;
}

/** What a fleet migration does, and where it stands. */
export interface FleetRunsTable {
  operation_id: string;
  blueprint: string;
  /** What its tenants are brought to. */
  version: string;
  /** A number, or a share with a percent sign: more failures than this pause the run. */
  max_failures: string;
  /** How many times larger than the one before each wave is. */
  growth: Defaulted<number>;
  /** Tenants by wave, from the first; null until it is planned. */
  waves: number[] | null;
  /** From 0: the one that is being upgraded. */
  wave: Defaulted<number>;
  /** Failures that somebody has seen and gone on in spite of. */
  forgiven: Defaulted<number>;
  pause_requested_at: Date | null;
  paused_at: Date | null;
  pause_reason: string | null;
}

export const FLEET_ITEM_STATES = ["pending", "done", "failed", "skipped"] as const;
/** `skipped`: the tenant isn't there any more. */
export type FleetItemState = (typeof FLEET_ITEM_STATES)[number];

/** One tenant of a fleet migration. */
export interface FleetItemsTable {
  run_id: string;
  tenant_id: string;
  /** From 0. */
  wave: number;
  state: Defaulted<FleetItemState>;
  /** What the tenant's own ledger said; until it was asked, what the registry said. */
  from_version: string | null;
  /** True where the tenant was found at its new version: an earlier attempt had committed it. */
  found: Defaulted<boolean>;
  attempts: Defaulted<number>;
  /** Milliseconds that the upgrade took. */
  duration_ms: number | null;
  error: NullableJson;
  ended_at: Date | null;
}

export const SPARE_STATES = ["making", "ready", "assigned", "retiring"] as const;
export type SpareState = (typeof SPARE_STATES)[number];

/** A schema that was made ahead. Its row goes when a tenant has it, or when it was dropped. */
export interface SparesTable {
  id: string;
  placement: string;
  blueprint: string;
  version: string;
  /** The compiled blueprint's: tells builds of one version apart. */
  fingerprint: string;
  schema_name: string;
  role_name: string;
  keeper_name: string;
  /** Drawn from the tenants' numbers. */
  ordinal: number;
  state: SpareState;
  /** Whose it is to be, where the schema isn't on the control schema's own server. */
  tenant_id: string | null;
  begun_at: Generated<Date>;
  made_at: Date | null;
}

/** The tables of the control schema, as Kysely types. Queries name the schema themselves, through `withSchema`. */
export interface ControlTables {
  licenses: LicensesTable;
  tenants: TenantsTable;
  schema_counters: SchemaCountersTable;
  api_keys: ApiKeysTable;
  operations: OperationsTable;
  operation_events: OperationEventsTable;
  idempotency_keys: IdempotencyKeysTable;
  license_events: LicenseEventsTable;
  license_checks: LicenseChecksTable;
  sessions: SessionsTable;
  login_attempts: LoginAttemptsTable;
  ops_sessions: OpsSessionsTable;
  settings: SettingsTable;
  certificate_keys: CertificateKeysTable;
  deletions: DeletionsTable;
  legacy_runs: LegacyRunsTable;
  legacy_items: LegacyItemsTable;
  quarantined_rows: QuarantinedRowsTable;
  backups: BackupsTable;
  backup_attempts: BackupAttemptsTable;
  restores: RestoresTable;
  kept_schemas: KeptSchemasTable;
  rebuilt_tenants: RebuiltTenantsTable;
  scheduled_runs: ScheduledRunsTable;
  placements: PlacementsTable;
  moves: MovesTable;
  blueprint_migrations: BlueprintMigrationsTable;
  spares: SparesTable;
  fleet_runs: FleetRunsTable;
  fleet_items: FleetItemsTable;
}
