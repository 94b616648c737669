import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  BlueprintFolderError,
  type BlueprintRegistry,
  type CompiledBlueprint,
  type ControlDatabase,
  type FolderFault,
  type FolderFaults,
  limitsOf,
  migrationContent,
} from "@tenantry/schema";
import { sql } from "kysely";

/** Migrations that tenants have were changed: tenants made from now on would differ from those that are there. */
export class BlueprintChangedError extends BlueprintFolderError {
  override readonly name: string = "BlueprintChangedError";
  override readonly code: string = "BLUEPRINT_CHANGED";

  constructor(folders: readonly FolderFaults[]) {
    super(folders, {
      hint: "Put them back as they were, and write the change as a new migration: `tenantry blueprint new-migration FOLDER NAME`. If they make the same schema in other words, say so: `tenantry blueprint check FOLDER --accept`.",
    });
  }
}

/**
 * Makes sure that blueprints of the installation's own still say what tenants were made with, and notes what is new.
 * One query for each where nothing has changed; none without blueprints of one's own.
 *
 * @throws BlueprintChangedError
 */
export async function recordBlueprints(
  control: ControlDatabase,
  blueprints: BlueprintRegistry,
): Promise<void> {
  const own = [...blueprints.values()].filter(({ blueprint }) => blueprint.source !== undefined);
  const wrong: FolderFaults[] = [];
  const outdated: CompiledBlueprint[] = [];
  for (const compiled of own) {
    const { isRecorded, faults } = await compareWithRecord(control, compiled);
    if (!isRecorded) outdated.push(compiled);
    if (faults.length > 0) wrong.push({ folder: compiled.blueprint.source ?? "", faults });
  }
  if (wrong.length > 0) throw new BlueprintChangedError(wrong);
  for (const compiled of outdated) await record(control, compiled);
}

/**
 * Refuses a blueprint some of whose migrations tenants have otherwise; notes nothing.
 *
 * @throws BlueprintChangedError
 */
export async function assertUnchanged(control: ControlDatabase, compiled: CompiledBlueprint): Promise<void> {
  const { faults } = await compareWithRecord(control, compiled);
  if (faults.length > 0)
    throw new BlueprintChangedError([{ folder: compiled.blueprint.source ?? "", faults }]);
}

async function compareWithRecord(
  control: ControlDatabase,
  compiled: CompiledBlueprint,
): Promise<{ readonly isRecorded: boolean; readonly faults: readonly FolderFault[] }> {
  const { name, source = "" } = compiled.blueprint;
  const contents = contentsOf(compiled);
  const all = await control
    .selectFrom("blueprint_migrations")
    .select(["name", "content"])
    .where("blueprint", "=", name)
    .orderBy(sql`name collate "C"`)
    .execute();
  // A later version's migrations aren't missing: this process has yet to get them.
  const recorded = all.filter((row) => row.name <= compiled.version);
  const changed = recorded.filter((row) => contents.get(row.name) !== row.content);
  if (changed.length === 0) return { isRecorded: recorded.length === contents.size, faults: [] };
  const { reached } = await control
    .selectFrom("tenants")
    .select(sql<string | null>`max(version collate "C")`.as("reached"))
    .where("blueprint", "=", name)
    .where("state", "!=", "deleted")
    .executeTakeFirstOrThrow();
  const inUse = changed.filter((row) => reached !== null && row.name <= reached);
  const faults = inUse.map((row) => {
    const file = `${row.name}.up.sql`;
    const isThere = existsSync(join(source, file));
    const became = contents.has(row.name) ? "was changed" : "is gone or has another name";
    return {
      file: isThere ? file : null,
      line: null,
      detail: `migration ${row.name} ${became}, and tenants have it as it was`,
    };
  });
  return { isRecorded: false, faults };
}

/**
 * Notes a blueprint's migrations as they are now, whatever tenants have. For a change that makes the same schema in other
 * words, and for whoever has told so.
 */
export async function acceptBlueprint(control: ControlDatabase, compiled: CompiledBlueprint): Promise<void> {
  await record(control, compiled);
}

async function record(control: ControlDatabase, compiled: CompiledBlueprint): Promise<void> {
  const { name: blueprint } = compiled.blueprint;
  const contents = contentsOf(compiled);
  const rows = [...contents].map(([name, content]) => ({ blueprint, name, content }));
  await control.transaction().execute(async (transaction) => {
    await transaction
      .deleteFrom("blueprint_migrations")
      .where("blueprint", "=", blueprint)
      .where(sql<boolean>`name collate "C" <= ${compiled.version}`)
      .where("name", "not in", [...contents.keys()])
      .execute();
    await transaction
      .insertInto("blueprint_migrations")
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(["blueprint", "name"])
          .doUpdateSet((eb) => ({ content: eb.ref("excluded.content"), recorded_at: sql<Date>`now()` }))
          .whereRef("blueprint_migrations.content", "!=", "excluded.content"),
      )
      .execute();
  });
}

function contentsOf({ migrations, blueprint }: CompiledBlueprint): ReadonlyMap<string, string> {
  const limits = limitsOf(blueprint);
  return new Map(migrations.map((migration) => [migration.name, migrationContent(migration, limits)]));
}
