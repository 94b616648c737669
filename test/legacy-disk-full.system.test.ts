import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { withAdmin } from "./support/database.ts";
import { dedSource } from "./support/legacy-files.ts";
import { endOf, orderMigration } from "./support/legacy-run.ts";
import { databaseOnDisk, enlargeDisk, mountDisk } from "./support/small-disk.ts";
import { tenantSchemas } from "./support/tenant-check.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const SMALL_MB = 48;
const LARGE_MB = 400;
const MANY = 150_000;

const disk = mountDisk(SMALL_MB);

describe.runIf(disk !== null)("a disk that is full while rows are copied", async () => {
  const place = disk ?? "";
  const database = await databaseOnDisk(place);
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
    enlargeDisk(place, LARGE_MB);
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
