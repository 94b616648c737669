import { migrateLegacyCommand } from "../legacy/migrate-legacy-command.ts";

export const migrateLegacyDedCommand = migrateLegacyCommand(
  "ded",
  "the ERP: its licenses_master.db, tenant_databases, erp_system.db and licenses.json",
);
