import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The blueprint whose tenants are migrated beside the people at work: four small tables, as plain SQL files. */
export const FLEET = "neighbour-fleet";

const TABLES = ["customers", "orders", "items", "notes"] as const;

/** Writes the blueprint's folder with its first migration. */
export async function writeFleetFolder(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const tables = TABLES.map(
    (table) =>
      `create table ${table} (id bigint generated always as identity primary key, name varchar(100) not null);`,
  );
  await writeFile(join(directory, "blueprint.json"), JSON.stringify({ name: FLEET, signIn: false }));
  await writeFile(join(directory, "0001_init.up.sql"), tables.join("\n"));
}

/** Adds a migration: a column and an index. @param number from 2 on */
export async function addFleetMigration(directory: string, number: number): Promise<void> {
  const name = `${String(number).padStart(4, "0")}_round.up.sql`;
  await writeFile(
    join(directory, name),
    `alter table orders add column extra_${number} varchar(40);\ncreate index orders_extra_${number} on orders (extra_${number});\n`,
  );
}
