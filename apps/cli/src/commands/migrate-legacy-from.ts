export { migrateLegacyFromCommand } from "../legacy/migrate-legacy-command.ts";
