import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SYSTEM_DIRECTORY } from "./cluster.ts";
import { errorCode } from "./error-code.ts";
import { findPlatformPackage, type PlatformPackage } from "./platform-package.ts";
import { completeInPlace, copyRuntime, type Runtime } from "./runtime.ts";
import { isRoot } from "./service-user.ts";

/** The name under which a package's copy lies in `dataDir`, when the installed one could not be completed. */
export const RUNTIME_PREFIX = "postgres-runtime-";

/**
 * PostgreSQL's programs where the user who is to run them can: installed in place for an ordinary user, or
 * under `dataDir` where the installation is read-only; for root in a system directory, because the checkout
 * may be closed to others.
 *
 * @throws EmbeddedPostgresError EMBEDDED_UNSUPPORTED_PLATFORM, EMBEDDED_RUNTIME_FAILED
 */
export async function prepareRuntime(dataDir: string): Promise<Runtime> {
  return prepareRuntimeOf(await findPlatformPackage(), dataDir);
}

/** The same, for a package found already. */
export async function prepareRuntimeOf(source: PlatformPackage, dataDir: string): Promise<Runtime> {
  const version = `${source.version}-${process.platform}-${process.arch}`;
  if (isRoot()) {
    const directory = join(SYSTEM_DIRECTORY, "runtime");
    await mkdir(directory, { recursive: true });
    for (const each of [SYSTEM_DIRECTORY, directory]) await chmod(each, 0o755);
    return copyRuntime(source, join(directory, version));
  }
  try {
    return await completeInPlace(source);
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].includes(errorCode(error) ?? "")) throw error;
    return copyRuntime(source, join(dataDir, `${RUNTIME_PREFIX}${version}`));
  }
}
