import type { Blueprint } from "../blueprint/define.ts";
import { BlueprintFolderError, type FolderFault, type FolderFaults } from "./folder-error.ts";
import { loadBlueprintFolder } from "./load-folder.ts";

/**
 * The blueprints of an installation: those that ship with it, and those of its own folders.
 *
 * @throws BlueprintFolderError naming what is wrong in all folders, a name that is taken included.
 */
export async function loadBlueprints(
  shipped: readonly Blueprint[],
  folders: readonly string[],
): Promise<readonly Blueprint[]> {
  const loaded = [...shipped];
  const wrong: FolderFaults[] = [];
  const causes: unknown[] = [];
  for (const folder of folders) {
    try {
      const blueprint = await loadBlueprintFolder(folder);
      const fault = clash(blueprint, loaded);
      if (fault === null) loaded.push(blueprint);
      else wrong.push({ folder, faults: [fault] });
    } catch (error) {
      if (!(error instanceof BlueprintFolderError)) throw error;
      wrong.push(...error.folders);
      causes.push(error.cause);
    }
  }
  if (wrong.length > 0)
    throw new BlueprintFolderError(wrong, { cause: causes.find((cause) => cause !== undefined) });
  return loaded;
}

/** What two blueprints can't both have. */
function clash(blueprint: Blueprint, others: readonly Blueprint[]): FolderFault | null {
  const owner = ({ name, source }: Blueprint): string =>
    source === undefined ? `${name}, which ships with Tenantry` : `${name} in ${source}`;
  const named = others.find(({ name }) => name === blueprint.name);
  if (named !== undefined) {
    return place(`the name is taken by ${owner(named)}; choose another`);
  }
  const { schemaNaming: naming } = blueprint;
  const numbered = others.find(
    ({ schemaNaming }) =>
      schemaNaming.kind === "sequence" && naming.kind === "sequence" && schemaNaming.prefix === naming.prefix,
  );
  if (numbered === undefined) return null;
  return place(`the prefix of its schemas is that of ${owner(numbered)}; choose another`);
}

function place(detail: string): FolderFault {
  return { file: null, line: null, detail };
}
