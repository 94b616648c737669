import type { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { watchMemory } from "../bench/measuring/memory.ts";
import { createTestDatabase } from "./support/database.ts";
import { dedSource } from "./support/legacy-files.ts";
import { migrated } from "./support/legacy-run.ts";
import { openTestInstallation } from "./support/tenantry.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });

/** What worker and reader may hold together, MB. */
const MOST_MB = 250;
/** What ten times as many rows may make of a difference: buffers that were fuller, garbage that waited longer. */
const LEEWAY_MB = 50;

/** As many rows of one table as are wanted, quickly. */
function logs(rows: number): (db: DatabaseSync) => void {
  return (db) =>
    db.exec(`
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
      INSERT INTO security_logs (id, user_id, event_type, ip_address, details, severity, created_at)
      SELECT i, 1, 'successful_login', '10.0.' || (i % 256) || '.1', 'تسجيل دخول ' || i, 'info',
        '2024-07-' || printf('%02d', 1 + i % 28) || ' 08:00:00.' || printf('%06d', i % 1000000) FROM n`);
}

it("half a million rows take no more memory than fifty thousand", async () => {
  // As docker-compose.yml starts it.
  const nodeOptions = ["--max-semi-space-size=2"];
  const worker = await startWorkerProcess(database.url, null, "", "", { nodeOptions });
  const peaks: number[] = [];
  for (const rows of [50_000, 500_000]) {
    const source = dedSource({
      licenses: [{ key: `BIGS-0000-${String(rows).padStart(8, "0")}`, file: { change: logs(rows) } }],
    });
    const memory = watchMemory(worker.pid);
    const run = await migrated(installation, { system: "ded", path: source.folder });
    const peak = await memory.stop();
    expect(run.items).toMatchObject([{ state: "succeeded", outcome: "imported", quarantined: 0 }]);
    expect(run.items[0]?.tables.find(({ source: name }) => name === "security_logs")?.copied).toBe(rows);
    // Null where there is no /proc to see it in.
    if (peak !== null) peaks.push(peak.togetherMb);
  }
  await worker.kill();
  const [small = 0, large = 0] = peaks;
  expect(large).toBeLessThan(MOST_MB);
  expect(large - small).toBeLessThan(LEEWAY_MB);
});
