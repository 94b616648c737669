import type { Command } from "./command.ts";

/** A command as the dispatcher knows it before its module is loaded: `up` and `demo` bring a whole server along. */
export interface RegisteredCommand {
  /** `up`; noun and verb; or more words, where a verb has verbs of its own. No name is the beginning of another. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export const commandRegistry: readonly RegisteredCommand[] = [
  {
    path: ["up"],
    summary: "Start everything in one process, and stay up",
    load: async () => (await import("./commands/up.ts")).upCommand,
  },
  {
    path: ["demo"],
    summary: "Sell a license, make its tenant, sign its admin in, and stop",
    load: async () => (await import("./commands/demo.ts")).demoCommand,
  },
  {
    path: ["doctor"],
    summary: "Find what is wrong with the installation or one license, and mend it",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
  {
    path: ["license", "create"],
    summary: "Create a license and its tenant",
    load: async () => (await import("./commands/license-create.ts")).licenseCreateCommand,
  },
  {
    path: ["license", "list"],
    summary: "List licenses, newest first",
    load: async () => (await import("./commands/license-list.ts")).licenseListCommand,
  },
  {
    path: ["license", "show"],
    summary: "Show a license, its tenant and what happened last",
    load: async () => (await import("./commands/license-show.ts")).licenseShowCommand,
  },
  {
    path: ["license", "update"],
    summary: "Change a license's facts",
    load: async () => (await import("./commands/license-update.ts")).licenseUpdateCommand,
  },
  {
    path: ["license", "suspend"],
    summary: "Suspend a license, until it is resumed",
    load: async () => (await import("./commands/license-suspend.ts")).licenseSuspendCommand,
  },
  {
    path: ["license", "resume"],
    summary: "Take a license's suspension back",
    load: async () => (await import("./commands/license-resume.ts")).licenseResumeCommand,
  },
  {
    path: ["license", "activate"],
    summary: "Switch an inactive license on",
    load: async () => (await import("./commands/license-activate.ts")).licenseActivateCommand,
  },
  {
    path: ["license", "deactivate"],
    summary: "Switch a license off",
    load: async () => (await import("./commands/license-deactivate.ts")).licenseDeactivateCommand,
  },
  {
    path: ["license", "extend"],
    summary: "Put a license's end off",
    load: async () => (await import("./commands/license-extend.ts")).licenseExtendCommand,
  },
  {
    path: ["license", "check"],
    summary: "Check whether a license may be used",
    load: async () => (await import("./commands/license-check.ts")).licenseCheckCommand,
  },
  {
    path: ["license", "events"],
    summary: "List what happened to a license",
    load: async () => (await import("./commands/license-events.ts")).licenseEventsCommand,
  },
  {
    path: ["license", "create-many"],
    summary: "Create the licenses of a file and their tenants",
    load: async () => (await import("./commands/license-create-many.ts")).licenseCreateManyCommand,
  },
  {
    path: ["license", "suspend-many"],
    summary: "Suspend many licenses, by a list or a filter",
    load: async () => (await import("./commands/license-suspend-many.ts")).licenseSuspendManyCommand,
  },
  {
    path: ["license", "resume-many"],
    summary: "Take the suspension of many licenses back",
    load: async () => (await import("./commands/license-resume-many.ts")).licenseResumeManyCommand,
  },
  {
    path: ["license", "extend-many"],
    summary: "Put the end of many licenses off",
    load: async () => (await import("./commands/license-extend-many.ts")).licenseExtendManyCommand,
  },
  {
    path: ["license", "certificate"],
    summary: "Print a signed license file for checks without a connection",
    load: async () => (await import("./commands/license-certificate.ts")).licenseCertificateCommand,
  },
  {
    path: ["certificate-key", "list"],
    summary: "List the keys that license files are signed with",
    load: async () => (await import("./commands/certificate-key-list.ts")).certificateKeyListCommand,
  },
  {
    path: ["certificate-key", "export"],
    summary: "Print the public keys that license files are verified with",
    load: async () => (await import("./commands/certificate-key-export.ts")).certificateKeyExportCommand,
  },
  {
    path: ["certificate-key", "rotate"],
    summary: "Sign license files with a new key from now on",
    load: async () => (await import("./commands/certificate-key-rotate.ts")).certificateKeyRotateCommand,
  },
  {
    path: ["license", "delete"],
    summary: "Delete a license's tenant, after a last backup",
    load: async () => (await import("./commands/license-delete.ts")).licenseDeleteCommand,
  },
  {
    path: ["backup", "create"],
    summary: "Back up one tenant, some, or everything",
    load: async () => (await import("./commands/backup-create.ts")).backupCreateCommand,
  },
  {
    path: ["backup", "list"],
    summary: "List backups, newest first",
    load: async () => (await import("./commands/backup-list.ts")).backupListCommand,
  },
  {
    path: ["backup", "show"],
    summary: "Show a backup",
    load: async () => (await import("./commands/backup-show.ts")).backupShowCommand,
  },
  {
    path: ["backup", "verify"],
    summary: "Prove that a backup can come back",
    load: async () => (await import("./commands/backup-verify.ts")).backupVerifyCommand,
  },
  {
    path: ["backup", "restore"],
    summary: "Bring a backup back, in place of the tenant or beside it",
    load: async () => (await import("./commands/backup-restore.ts")).backupRestoreCommand,
  },
  {
    path: ["backup", "export"],
    summary: "Write a backup to a file, as archive or SQL",
    load: async () => (await import("./commands/backup-export.ts")).backupExportCommand,
  },
  {
    path: ["backup", "import"],
    summary: "Take in an archive that was exported",
    load: async () => (await import("./commands/backup-import.ts")).backupImportCommand,
  },
  {
    path: ["backup", "kept", "list"],
    summary: "List the schemas that restores have put aside",
    load: async () => (await import("./commands/backup-kept-list.ts")).backupKeptListCommand,
  },
  {
    path: ["backup", "kept", "drop"],
    summary: "Drop one of them before its time",
    load: async () => (await import("./commands/backup-kept-drop.ts")).backupKeptDropCommand,
  },
  {
    path: ["restore-all"],
    summary: "Rebuild a whole installation out of its backups, in an empty database",
    load: async () => (await import("./commands/restore-all.ts")).restoreAllCommand,
  },
  {
    path: ["tenant", "move"],
    summary: "Move a tenant to another PostgreSQL server",
    load: async () => (await import("./commands/tenant-move.ts")).tenantMoveCommand,
  },
  {
    path: ["tenant", "confirm-move"],
    summary: "Drop what a move left on the old server",
    load: async () => (await import("./commands/tenant-confirm-move.ts")).tenantConfirmMoveCommand,
  },
  {
    path: ["placement", "add"],
    summary: "Add a PostgreSQL server that tenants can live on",
    load: async () => (await import("./commands/placement-add.ts")).placementAddCommand,
  },
  {
    path: ["placement", "list"],
    summary: "List the PostgreSQL servers that tenants live on",
    load: async () => (await import("./commands/placement-list.ts")).placementListCommand,
  },
  {
    path: ["placement", "set-url"],
    summary: "Tell where a PostgreSQL server is to be reached from now on",
    load: async () => (await import("./commands/placement-set-url.ts")).placementSetUrlCommand,
  },
  {
    path: ["placement", "drain"],
    summary: "Put no new tenants on a server",
    load: async () => (await import("./commands/placement-drain.ts")).placementDrainCommand,
  },
  {
    path: ["blueprint", "init"],
    summary: "Make the folder of a blueprint of your own",
    load: async () => (await import("./commands/blueprint-init.ts")).blueprintInitCommand,
  },
  {
    path: ["blueprint", "check"],
    summary: "Make a tenant out of a blueprint's folder, and roll it back",
    load: async () => (await import("./commands/blueprint-check.ts")).blueprintCheckCommand,
  },
  {
    path: ["blueprint", "new-migration"],
    summary: "Make the file of a blueprint's next migration",
    load: async () => (await import("./commands/blueprint-new-migration.ts")).blueprintNewMigrationCommand,
  },
  {
    path: ["blueprint", "squash"],
    summary: "Make one text out of a blueprint's migrations, for new tenants",
    load: async () => (await import("./commands/blueprint-squash.ts")).blueprintSquashCommand,
  },
  {
    path: ["fleet", "drift"],
    summary: "Find tenants that aren't as their blueprint's version is, and mend them",
    load: async () => (await import("./commands/fleet-drift.ts")).fleetDriftCommand,
  },
  {
    path: ["fleet", "rehearse"],
    summary: "Try the upgrade on some real tenants, and roll it back",
    load: async () => (await import("./commands/fleet-rehearse.ts")).fleetRehearseCommand,
  },
  {
    path: ["operation", "list"],
    summary: "List operations, newest first",
    load: async () => (await import("./commands/operation-list.ts")).operationListCommand,
  },
  {
    path: ["operation", "show"],
    summary: "Show an operation and what happened to it",
    load: async () => (await import("./commands/operation-show.ts")).operationShowCommand,
  },
  {
    path: ["operation", "watch"],
    summary: "Watch an operation to its end",
    load: async () => (await import("./commands/operation-watch.ts")).operationWatchCommand,
  },
  {
    path: ["operation", "retry"],
    summary: "Do a failed or canceled operation again",
    load: async () => (await import("./commands/operation-retry.ts")).operationRetryCommand,
  },
  {
    path: ["operation", "cancel"],
    summary: "Cancel an operation that hasn't ended",
    load: async () => (await import("./commands/operation-cancel.ts")).operationCancelCommand,
  },
  {
    path: ["migrate-legacy", "ded"],
    summary: "Move licenses in from the ERP's files",
    load: async () => (await import("./commands/migrate-legacy-ded.ts")).migrateLegacyDedCommand,
  },
  {
    path: ["migrate-legacy", "booking"],
    summary: "Move licenses in from the booking bot's files",
    load: async () => (await import("./commands/migrate-legacy-booking.ts")).migrateLegacyBookingCommand,
  },
  {
    path: ["migrate-legacy", "from"],
    summary: "Move licenses in from another system that a blueprint knows",
    load: async () => (await import("./commands/migrate-legacy-from.ts")).migrateLegacyFromCommand,
  },
  {
    path: ["migrate-legacy", "status"],
    summary: "Show how far a legacy migration is",
    load: async () => (await import("./commands/migrate-legacy-status.ts")).migrateLegacyStatusCommand,
  },
  {
    path: ["migrate-legacy", "report"],
    summary: "Write the report of a legacy migration",
    load: async () => (await import("./commands/migrate-legacy-report.ts")).migrateLegacyReportCommand,
  },
  {
    path: ["migrate-legacy", "quarantine", "show"],
    summary: "List the rows that could not be imported",
    load: async () =>
      (await import("./commands/migrate-legacy-quarantine-show.ts")).migrateLegacyQuarantineShowCommand,
  },
  {
    path: ["migrate-legacy", "quarantine", "export"],
    summary: "Write these rows to a file, to be corrected",
    load: async () =>
      (await import("./commands/migrate-legacy-quarantine-export.ts")).migrateLegacyQuarantineExportCommand,
  },
  {
    path: ["migrate-legacy", "quarantine", "retry"],
    summary: "Import rows out of quarantine",
    load: async () =>
      (await import("./commands/migrate-legacy-quarantine-retry.ts")).migrateLegacyQuarantineRetryCommand,
  },
  {
    path: ["migrate-legacy", "quarantine", "dismiss"],
    summary: "Set rows in quarantine aside for good",
    load: async () =>
      (await import("./commands/migrate-legacy-quarantine-dismiss.ts")).migrateLegacyQuarantineDismissCommand,
  },
  {
    path: ["api-key", "create"],
    summary: "Make an API key; its token is shown this once",
    load: async () => (await import("./commands/api-key-create.ts")).apiKeyCreateCommand,
  },
  {
    path: ["api-key", "list"],
    summary: "List API keys, the revoked ones too",
    load: async () => (await import("./commands/api-key-list.ts")).apiKeyListCommand,
  },
  {
    path: ["api-key", "revoke"],
    summary: "Revoke an API key, for good",
    load: async () => (await import("./commands/api-key-revoke.ts")).apiKeyRevokeCommand,
  },
];
