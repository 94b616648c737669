import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WrongUse } from "../arguments/wrong-use.ts";

/**
 * Writes files into a folder, which is made if it isn't there.
 *
 * @throws WrongUse when the folder has anything in it, or can't be written.
 */
export async function fillNewFolder(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    if ((await readdir(folder)).length > 0) {
      throw new WrongUse(`${folder} isn't empty.`, "Name a folder that isn't there yet.");
    }
  } catch (error) {
    throw cannotWrite(folder, error);
  }
  for (const [name, text] of Object.entries(files)) await writeNewText(join(folder, name), text);
}

/** @throws WrongUse when there is such a file already, or none can be made. */
export async function writeNewText(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: "wx" });
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, error: unknown): unknown {
  if (error instanceof WrongUse) return error;
  const code = String(Reflect.get(Object(error), "code"));
  return code === "EEXIST" || code === "ENOTDIR"
    ? new WrongUse(`${path} is there already.`, "Choose another name; nothing is overwritten.")
    : new WrongUse(`${path} can't be written (${code}).`, "Name a folder that you may write to.");
}
