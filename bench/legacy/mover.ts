import pg from "pg";
import type { Memory } from "../measuring/memory.ts";
import type { LargeFile } from "./large-file.ts";

/** One way to bring a file's rows into the tables of the `erp` blueprint. */
export interface Mover {
  readonly name: string;
  readonly kind: "limit" | "peer" | "tenantry";
  /** What Tenantry's rows a second have to be at least, as a multiple of this one's; null for Tenantry itself. */
  readonly target: number | null;
  /** Moves one file into a database that nobody else uses. Only the moving itself is timed. */
  move(databaseUrl: string): Promise<Move>;
}

export interface Move {
  readonly rows: number;
  readonly seconds: number;
  /** Of Tenantry: the most that worker and reader held together; null where it can't be known. */
  readonly peak?: Memory | null;
}

/** @throws Error when not every row of the file is in the tables, for then nobody was fast */
export async function assertMoved(databaseUrl: string, schema: string, file: LargeFile): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    for (const { name, rows } of file.tables) {
      const found = await client.query<{ rows: string }>(`SELECT count(*) AS rows FROM ${schema}.${name}`);
      const there = Number(found.rows[0]?.rows);
      if (there !== rows) throw new Error(`${name}: ${there} rows of ${rows}`);
    }
  } finally {
    await client.end();
  }
}
