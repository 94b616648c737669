import type { LargeFile } from "./large-file.ts";
import { openMigration } from "./migration.ts";
import type { Mover } from "./mover.ts";

/**
 * Tenantry, from the order to the run's end: planning and hashing, the schema with its 53 tables, reading, converting, copying,
 * keys, verification, report. The worker has taken in a small file before, as others have had their start left out.
 */
export function tenantry(large: LargeFile, warmUp: LargeFile, folder: string): Mover {
  return {
    name: "Tenantry, verified",
    kind: "tenantry",
    target: null,
    move: async (databaseUrl) => {
      const migration = await openMigration(databaseUrl, folder, 1);
      try {
        await migration.run(warmUp.source.folder);
        const { seconds, rows, peak } = await migration.run(large.source.folder);
        if (rows !== large.rows) throw new Error(`${rows} rows of ${large.rows}`);
        return { rows, seconds, peak };
      } finally {
        await migration.close();
      }
    },
  };
}
