export { type BackupConfig, type BackupRetention, backupsIn, parseBackupUrl } from "./backup-config.ts";
export { type Config, ConfigError, LOG_LEVELS, type LogLevel, parseConfig } from "./config.ts";
export { createLogger } from "./log.ts";
export { type Installation, type OpenOptions, openInstallation } from "./open.ts";
export { ensureOpsLogin, generateOpsPassword, type OpsLogin } from "./ops-login.ts";
export { closeOnSignal } from "./shutdown.ts";
