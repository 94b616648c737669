import { lstat, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { SourceError } from "@tenantry/schema/legacy";

/**
 * Where a path of a source really lies, links followed. Links that stay inside the source are fine.
 *
 * @param root absolute.
 * @param path relative to it, with `/`; "" and "." are the root.
 * @throws SourceError SOURCE_NOT_FOUND for what isn't there or lies outside; SOURCE_INVALID without the right to look.
 */
export async function realSourcePath(root: string, path: string): Promise<string> {
  const parts = partsOf(path);
  const realRoot = await resolved(root, path, "The source's folder");
  const real = await resolved(join(realRoot, ...parts), path, "The path");
  if (!isWithin(realRoot, real)) {
    throw new SourceError("SOURCE_NOT_FOUND", path, "The path leads out of the source, through a link.");
  }
  return real;
}

/**
 * The same for something that has to be a file.
 *
 * @throws SourceError as `realSourcePath`; SOURCE_INVALID for a folder, a device or a pipe, which is never opened.
 */
export async function realSourceFile(root: string, path: string): Promise<string> {
  const real = await realSourcePath(root, path);
  const stats = await lstat(real).catch((error: unknown) => {
    throw asSourceError(error, path, "The file");
  });
  if (!stats.isFile()) throw new SourceError("SOURCE_INVALID", path, "This is not a file.");
  return real;
}

/** True of the folder itself and of what lies in it; both without links. */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/** A path's parts. @throws SourceError for one that isn't relative, or has parts that lead elsewhere. */
function partsOf(path: string): string[] {
  const refuse = (detail: string): never => {
    throw new SourceError("SOURCE_NOT_FOUND", path.replaceAll("\0", "\ufffd"), detail);
  };
  if (path.includes("\0")) refuse("A path can't hold NUL.");
  if (path.startsWith("/")) refuse("The path has to be relative to the source's folder.");
  if (sep === "\\" && /[\\:]/.test(path)) refuse("The path has to be relative, with `/` between its parts.");
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) refuse("The path must not hold `..`.");
  return parts;
}

async function resolved(path: string, asked: string, what: string): Promise<string> {
  return realpath(path).catch((error: unknown) => {
    throw asSourceError(error, asked, what);
  });
}

/** What the file system says, as a source's trouble. */
export function asSourceError(error: unknown, path: string, what: string): unknown {
  const code = errnoOf(error);
  const trouble = (name: "SOURCE_NOT_FOUND" | "SOURCE_INVALID", detail: string): SourceError =>
    new SourceError(name, path, `${what} ${detail}`, { cause: error });
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return trouble("SOURCE_NOT_FOUND", "doesn't exist.");
    case "ELOOP":
      return trouble("SOURCE_NOT_FOUND", "is a link that leads nowhere.");
    case "ENAMETOOLONG":
      return trouble("SOURCE_NOT_FOUND", "is longer than a path can be.");
    case "EACCES":
    case "EPERM":
      return trouble("SOURCE_INVALID", "may not be read by the user that Tenantry runs as.");
    default:
      return code === null ? error : trouble("SOURCE_INVALID", `can't be read (${code}).`);
  }
}

/** The system's code of an error, or null. */
export function errnoOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}
