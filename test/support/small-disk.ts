import { spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { type TestDatabase, withAdmin } from "./database.ts";
import { startPrivateServer } from "./private-server.ts";

/**
 * A small disk in memory: a limit that PostgreSQL really runs into. Null for those who may not mount one, who aren't root
 * or are in a container. Gone after the file.
 */
export function mountDisk(megabytes: number): string | null {
  const place = mkdtempSync(join(tmpdir(), "tenantry-test-disk-"));
  afterAll(() => {
    spawnSync("umount", [place]);
    rmSync(place, { recursive: true, force: true });
  });
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", place]);
  return mounted.status === 0 ? place : null;
}

/** Gives the disk room. */
export function enlargeDisk(place: string, megabytes: number): void {
  spawnSync("mount", ["-o", `remount,size=${megabytes}m`, place]);
}

/** A database of a server of its own whose tables lie on that disk. */
export async function databaseOnDisk(place: string): Promise<TestDatabase> {
  const server = await startPrivateServer();
  const { uid, gid } = statSync(join(server.dataDir, "postgres"));
  chownSync(place, uid, gid);
  await withAdmin(server.superuserUrl, (client) =>
    client.query(`CREATE TABLESPACE small LOCATION '${place}'`),
  );
  return server.createDatabase("on_small_disk", "small");
}
