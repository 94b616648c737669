import { spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { withAdmin } from "./support/database.ts";
import { dedSource } from "./support/legacy-files.ts";
import { endOf, orderMigration } from "./support/legacy-run.ts";
import { startPrivateServer } from "./support/private-server.ts";
import { tenantSchemas } from "./support/tenant-check.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const SMALL_MB = 48;
const LARGE_MB = 400;
const MANY = 150_000;

/**
 * A small disk in memory: a limit that PostgreSQL really runs into. Null for those who may not mount one, who aren't root
 * or are in a container.
 */
const disk = mountDisk(SMALL_MB);

function mountDisk(megabytes: number): string | null {
  const place = mkdtempSync(join(tmpdir(), "tenantry-test-disk-"));
  afterAll(() => {
    spawnSync("umount", [place]);
    rmSync(place, { recursive: true, force: true });
  });
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", place]);
  return mounted.status === 0 ? place : null;
}

describe.runIf(disk !== null)("a disk that is full while rows are copied", async () => {
  const place = disk ?? "";
  const server = await startPrivateServer();
  const { uid, gid } = statSync(join(server.dataDir, "postgres"));
  chownSync(place, uid, gid);
  await withAdmin(server.superuserUrl, (client) =>
    client.query(`CREATE TABLESPACE small LOCATION '${place}'`),
  );
  const database = await server.createDatabase("on_small_disk", "small");
  const installation = await openTestInstallation({ databaseUrl: database.url });

  it("costs time, and nobody a row", async () => {
    const source = dedSource({
      licenses: [
        { file: { rows: { customers: 20 } } },
        { file: { rows: { security_logs: MANY } } },
        { file: { rows: { customers: 20 } } },
      ],
    });
    const worker = await installation.work();
    const id = await orderMigration(installation, { system: "ded", path: source.folder });
    await untilTriedAgain(id);
    const large = `tenant_${source.licenses[1]?.key.toLowerCase().replaceAll("-", "_")}`;
    expect(await tenantSchemas(database.adminUrl)).not.toContain(large);
    spawnSync("mount", ["-o", `remount,size=${LARGE_MB}m`, place]);
    const run = await endOf(installation, id);
    await worker.close();
    expect(run.items).toMatchObject(run.items.map(() => ({ state: "succeeded", quarantined: 0 })));
    const found = await withAdmin(database.adminUrl, (client) =>
      client.query(`SELECT count(*)::int AS n FROM ${large}.security_logs`),
    );
    expect(found.rows[0].n).toBe(MANY);
  });

  async function untilTriedAgain(runId: string): Promise<void> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await wait(50)) {
      const rows = await installation.ctx.control
        .selectFrom("operations")
        .select("id")
        .where("parent_id", "=", runId)
        .where("state", "=", "queued")
        .where("attempts", ">", 0)
        .execute();
      if (rows.length > 0) return;
    }
    throw new Error("the disk never was full");
  }
});
