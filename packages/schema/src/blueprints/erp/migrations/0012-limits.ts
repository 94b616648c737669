import type { NamedMigration } from "../../../blueprint/define.ts";
import { createLimits, type LimitedTable } from "../../../blueprint/limits.ts";

/** What the license's maxUsers and maxBranches count: a deactivated user or branch gives its place back. */
export const LIMITED: readonly LimitedTable[] = [
  { limit: "users", table: "users", activeColumn: "is_active" },
  { limit: "branches", table: "branches", activeColumn: "is_active" },
];

export const limits: NamedMigration = {
  name: "0012_limits",
  up: (db) => createLimits(db, LIMITED),
};
