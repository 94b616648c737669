import type { NamedMigration } from "../../../blueprint/define.ts";

/**
 * The foreign keys that close a cycle: a branch has a manager who works in a branch, a department likewise.
 * Deferrable, so that an import can fill both tables before they are checked; immediate for everybody else.
 */
export const cycles: NamedMigration = {
  name: "0010_cycles",
  async up(db) {
    await db.schema
      .alterTable("branches")
      .addForeignKeyConstraint("branches_manager_id_fkey", ["manager_id"], "users", ["id"])
      .deferrable()
      .initiallyImmediate()
      .execute();
    await db.schema
      .alterTable("departments")
      .addForeignKeyConstraint("departments_manager_id_fkey", ["manager_id"], "employees", ["id"])
      .deferrable()
      .initiallyImmediate()
      .execute();
  },
};
