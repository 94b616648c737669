import { constants, isUtf8 } from "node:buffer";
import { constants as fileConstants } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { type LegacyEntry, SourceError } from "@tenantry/schema/legacy";
import { asSourceError, errnoOf, realSourceFile, realSourcePath } from "./source-path.ts";

const MOST_JSON_BYTES = Math.min(64 * 2 ** 20, constants.MAX_STRING_LENGTH);

/**
 * What lies in a folder of a source, in the order of the names' bytes. Links count as what they lead to; those that lead
 * out of the source or nowhere, and names that aren't UTF-8, are `other`.
 *
 * @throws SourceError for a path that leads out, or a folder that may not be read.
 */
export async function listFolder(root: string, path: string): Promise<readonly LegacyEntry[]> {
  let folder: string;
  try {
    folder = await realSourcePath(root, path);
    if (!(await stat(folder)).isDirectory()) return [];
  } catch (error) {
    if (path !== "" && isMissing(error)) return [];
    throw error;
  }
  const entries = await readdir(folder, { withFileTypes: true, encoding: "buffer" }).catch(
    (error: unknown) => {
      throw asSourceError(error, path, "The folder");
    },
  );
  entries.sort((one, other) => Buffer.compare(one.name, other.name));
  return Promise.all(
    entries.map(async (entry) => {
      const name = entry.name.toString("utf8");
      if (!isUtf8(entry.name)) return { name, kind: "other" as const };
      if (!entry.isSymbolicLink()) return { name, kind: kindOf(entry) };
      const real = await realSourcePath(root, path === "" ? name : `${path}/${name}`).catch(() => null);
      const target = real === null ? null : await stat(real).catch(() => null);
      return { name, kind: target === null ? ("other" as const) : kindOf(target) };
    }),
  );
}

/** Not there at all; as against there, but outside or not to be read. */
function isMissing(error: unknown): boolean {
  const errno = error instanceof SourceError ? errnoOf(error.cause) : null;
  return errno === "ENOENT" || errno === "ENOTDIR";
}

function kindOf(entry: { isFile(): boolean; isDirectory(): boolean }): LegacyEntry["kind"] {
  return entry.isFile() ? "file" : entry.isDirectory() ? "folder" : "other";
}

/**
 * Reads a file that holds JSON in UTF-8.
 *
 * @throws SourceError; its text never quotes the file.
 */
export async function readJson(root: string, path: string): Promise<unknown> {
  const text = await readText(root, path);
  try {
    return JSON.parse(text);
  } catch {
    throw new SourceError("SOURCE_INVALID", path, "The file isn't JSON.");
  }
}

async function readText(root: string, path: string): Promise<string> {
  const real = await realSourceFile(root, path);
  // Whatever stands there by now: no link is followed, and no pipe waited for.
  const flags = fileConstants.O_RDONLY | (fileConstants.O_NOFOLLOW ?? 0) | (fileConstants.O_NONBLOCK ?? 0);
  const file = await open(real, flags).catch((error: unknown) => {
    throw asSourceError(error, path, "The file");
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new SourceError("SOURCE_INVALID", path, "This is not a file.");
    if (stats.size > MOST_JSON_BYTES) {
      throw new SourceError("SOURCE_INVALID", path, `The file is larger than ${MOST_JSON_BYTES >> 20} MiB.`);
    }
    const bytes = await file.readFile();
    if (!isUtf8(bytes)) throw new SourceError("SOURCE_INVALID", path, "The file isn't UTF-8.");
    return new TextDecoder("utf-8").decode(bytes);
  } finally {
    await file.close();
  }
}
