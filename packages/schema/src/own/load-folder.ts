import { compileBlueprint } from "../blueprint/compile.ts";
import { type Blueprint, defineBlueprint } from "../blueprint/define.ts";
import { limitsOf, seedLimits } from "../blueprint/limits.ts";
import { baselineFault, readBaseline } from "./baseline.ts";
import { BlueprintFolderError, type FolderFault } from "./folder-error.ts";
import { type FolderFiles, readFolder } from "./folder-files.ts";
import { codeFault, loadModule } from "./load-module.ts";
import {
  COMMON_SEED_FILE,
  MIGRATION_SUFFIX,
  MODULE_FILE,
  PARAMETERS_FILE,
  SEED_FILE,
  SETTINGS_FILE,
} from "./names.ts";
import { parameterNames, readParameters, readSettings } from "./settings.ts";
import { sqlMigrations } from "./sql-migrations.ts";
import { sqlCommonSeed, sqlSeed } from "./sql-seed.ts";

/**
 * Reads a blueprint out of a folder: `blueprint.ts`, or files of SQL (see docs/blueprints.md). It compiles; whether
 * PostgreSQL takes its statements shows when a tenant is made.
 *
 * @param folder relative to the working directory, or absolute
 * @param options `baseline: false` to do without one, whatever is wrong with it
 * @throws BlueprintFolderError naming every place that is wrong.
 */
export async function loadBlueprintFolder(
  folder: string,
  options: { readonly baseline: boolean } = { baseline: true },
): Promise<Blueprint> {
  const files = await readFolder(folder);
  const faults: FolderFault[] = [];
  const blueprint = files.texts.has(MODULE_FILE) ? await fromModule(files, faults) : fromSql(files, faults);
  const names = blueprint?.migrations.map(({ name }) => name) ?? [];
  const baseline = options.baseline && blueprint !== null ? readBaseline(files.texts, names, faults) : null;
  if (blueprint === null || faults.length > 0) throw new BlueprintFolderError([{ folder, faults }]);
  const whole = baseline === null ? blueprint : Object.freeze({ ...blueprint, baseline });
  const { migrations } = await compileBlueprint(whole).catch((error: unknown) => {
    throw new BlueprintFolderError([{ folder, faults: [codeFault(files.realFolder, error)] }], {
      cause: error,
    });
  });
  const stale = baseline === null ? null : baselineFault(baseline, migrations, limitsOf(blueprint));
  if (stale !== null) throw new BlueprintFolderError([{ folder, faults: [stale] }]);
  return whole;
}

async function fromModule(files: FolderFiles, faults: FolderFault[]): Promise<Blueprint | null> {
  for (const file of files.texts.keys()) {
    const isPart = file.endsWith(MIGRATION_SUFFIX) || [SETTINGS_FILE, PARAMETERS_FILE].includes(file);
    if (!isPart && ![SEED_FILE, COMMON_SEED_FILE].includes(file)) continue;
    const detail = `would not be read, since there is ${MODULE_FILE}; keep one of the two`;
    faults.push({ file, line: null, detail });
  }
  const blueprint = await loadModule(files.realFolder, faults);
  return blueprint === null ? null : Object.freeze({ ...blueprint, source: files.folder });
}

function fromSql(files: FolderFiles, faults: FolderFault[]): Blueprint | null {
  const { texts, folder } = files;
  const { name, schemaNaming, signIn, limits } = readSettings(files, faults);
  const parameters = readParameters(texts, faults);
  const migrations = sqlMigrations(texts, limits, faults);
  const commonSeed = sqlCommonSeed(texts.get(COMMON_SEED_FILE), faults);
  const seed = sqlSeed(texts.get(SEED_FILE), { parameters: parameterNames(parameters), signIn }, faults);
  if (faults.length > 0) return null;
  return defineBlueprint({
    name,
    schemaNaming,
    migrations,
    commonSeed,
    seed: async (db, input) => {
      await seed(db, input);
      if (limits.length > 0) await seedLimits(db, limits, input.license);
    },
    parameters,
    signIn,
    limits,
    source: folder,
  });
}
