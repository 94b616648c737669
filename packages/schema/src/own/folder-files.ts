import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { BlueprintFolderError, type FolderFault } from "./folder-error.ts";
import { MODULE_FILE, PARAMETERS_FILE, SETTINGS_FILE } from "./names.ts";

/** A blueprint's folder, read whole: it is small, and what is loaded is what was looked at. */
export interface FolderFiles {
  /** As it was asked for. */
  readonly folder: string;
  /** Without links. */
  readonly realFolder: string;
  /** Text of each file that a blueprint may consist of, by name, in the order of the names. */
  readonly texts: ReadonlyMap<string, string>;
}

const LARGEST_FILE = 4 * 1024 * 1024;
const PARTS: readonly string[] = [MODULE_FILE, SETTINGS_FILE, PARAMETERS_FILE];

/**
 * Reads what makes up a blueprint: `blueprint.ts`, or the `.sql` files and the two of JSON beside them. Other files are the
 * author's own affair, and so are those whose names begin with a dot.
 *
 * @throws BlueprintFolderError when the folder isn't there, or a file leads out of it, is too large or no UTF-8.
 */
export async function readFolder(folder: string): Promise<FolderFiles> {
  const realFolder = await realpath(folder).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  const names = await readdir(realFolder).catch((error: unknown) => {
    throw unreadable(folder, error);
  });
  const texts = new Map<string, string>();
  const faults: FolderFault[] = [];
  for (const name of names.sort()) {
    if (name.startsWith(".") || !(name.endsWith(".sql") || PARTS.includes(name))) continue;
    const text = await readPart(realFolder, name);
    if (typeof text === "string") texts.set(name, text);
    else faults.push({ file: name, line: null, detail: text.fault });
  }
  if (faults.length > 0) throw new BlueprintFolderError([{ folder, faults }]);
  return { folder, realFolder, texts };
}

async function readPart(realFolder: string, name: string): Promise<string | { readonly fault: string }> {
  try {
    const path = await realpath(join(realFolder, name));
    if (!path.startsWith(realFolder + sep)) {
      return { fault: "leads out of the folder; put the file itself there in place of the link" };
    }
    const found = await stat(path);
    if (!found.isFile()) return { fault: "is not a file" };
    if (found.size > LARGEST_FILE) return { fault: "is larger than 4 MB" };
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path)).replaceAll("\r\n", "\n");
  } catch (error) {
    const code = codeOf(error);
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return { fault: "is not UTF-8" };
    if (code === "ENOENT") return { fault: "is a link to what isn't there" };
    return { fault: `can't be read (${code})` };
  }
}

function unreadable(folder: string, error: unknown): BlueprintFolderError {
  const code = codeOf(error);
  const detail =
    code === "ENOENT"
      ? "there is no such folder"
      : code === "ENOTDIR"
        ? "it is no folder"
        : `it can't be read (${code})`;
  return new BlueprintFolderError([{ folder, faults: [{ file: null, line: null, detail }] }]);
}

function codeOf(error: unknown): string {
  return String(Reflect.get(Object(error), "code"));
}
