import { realpath, stat } from "node:fs/promises";
import { resolveSource } from "@tenantry/legacy";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { LegacyMigrationInput } from "./legacy-migration-request.ts";
import { asSourceTrouble } from "./source-trouble.ts";

/**
 * The folder of a source on this machine: absolute and without links. Under LEGACY_DIR, unless an operator named it.
 *
 * @throws TenancyError SOURCE_NOT_FOUND; SOURCE_INVALID when it may not be read.
 */
export async function sourceRoot(
  ctx: Pick<TenancyContext, "legacy">,
  { root, path }: Pick<LegacyMigrationInput, "root" | "path">,
): Promise<string> {
  if (root === "operator") return operatorsFolder(path);
  return resolveSource(ctx.legacy.directory, path).catch((error: unknown) => {
    throw asSourceTrouble(error);
  });
}

async function operatorsFolder(path: string): Promise<string> {
  try {
    const folder = await realpath(path);
    if ((await stat(folder)).isDirectory()) return folder;
  } catch (error) {
    const code = Reflect.get(Object(error), "code");
    if (code === "EACCES" || code === "EPERM") {
      throw new TenancyError("SOURCE_INVALID", "The worker may not read the source's folder.", {
        hint: "Give the user that the worker runs as the right to read it.",
        cause: error,
      });
    }
    if (code !== "ENOENT" && code !== "ENOTDIR" && code !== "ELOOP") throw error;
  }
  throw new TenancyError("SOURCE_NOT_FOUND", "There is no such folder on the worker's machine.", {
    hint: "Check the path; a worker on another machine sees that machine's folders.",
  });
}
