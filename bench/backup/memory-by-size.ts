import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { BenchServer } from "../measuring/postgres-server.ts";
import { asSuperuser } from "./among-others.ts";
import { fillTenant, SHOP } from "./fill.ts";
import { alone, dropDatabase } from "./large-tenant.ts";
import type { Plan } from "./plan.ts";
import { makeEmptyTenant } from "./tenants.ts";

export interface MemoryOfSize {
  readonly rows: number;
  /** Megabytes, resident, of a process that does nothing else. */
  readonly backupMb: number;
  readonly restoreMb: number;
}

/** What a backup and a restore hold, by the size of the tenant. Encrypted, which takes the most. */
export async function measureMemoryBySize(
  server: BenchServer,
  folder: string,
  { memoryRows }: Plan,
  tell: (message: string) => void,
): Promise<MemoryOfSize[]> {
  const results: MemoryOfSize[] = [];
  for (const wanted of memoryRows) {
    tell(`memory for a tenant of ${wanted} rows`);
    const databaseUrl = await server.createDatabase();
    const schema = await makeEmptyTenant(databaseUrl, "erp");
    const rows = await fillTenant(asSuperuser(server, databaseUrl), schema, SHOP, wanted);
    const order = { databaseUrl, file: join(folder, "memory.tar"), encrypted: true } as const;
    const backup = await alone({ ...order, kind: "backup", schema });
    const restore = await alone({ ...order, kind: "restore", schema: "restored" });
    results.push({ rows, backupMb: backup.peakMb ?? 0, restoreMb: restore.peakMb ?? 0 });
    await dropDatabase(server, databaseUrl);
    await Promise.all([order.file, `${order.file}.key`].map((file) => rm(file, { force: true })));
  }
  return results;
}
