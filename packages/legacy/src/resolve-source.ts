import { lstat } from "node:fs/promises";
import { SourceError } from "@tenantry/schema/legacy";
import { asSourceError, realSourcePath } from "./source-path.ts";

/**
 * Resolves a path from a request under LEGACY_DIR: the absolute path of a folder, without links.
 *
 * @throws SourceError SOURCE_NOT_FOUND for a path that is absolute, holds `..`, `\` or NUL, isn't there, or leads out of
 *   LEGACY_DIR; SOURCE_INVALID for something that is no folder.
 */
export async function resolveSource(legacyDirectory: string, path: string): Promise<string> {
  if (path === "") throw new SourceError("SOURCE_NOT_FOUND", path, "The path is empty.");
  // Whoever writes one means a separator, which it is not everywhere.
  if (path.includes("\\")) throw new SourceError("SOURCE_NOT_FOUND", path, "The path must not hold `\\`.");
  const real = await realSourcePath(legacyDirectory, path);
  const stats = await lstat(real).catch((error: unknown) => {
    throw asSourceError(error, path, "The path");
  });
  if (!stats.isDirectory()) throw new SourceError("SOURCE_INVALID", path, "The path names no folder.");
  return real;
}
