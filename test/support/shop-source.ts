import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ShopLicense, ShopSource } from "./shop-blueprint.ts";

/** SQL that fills a shop's file. */
export type ShopFiles = Readonly<Record<string, string | Buffer>>;

/** The tables of a shop's file, as the old program made them. */
export const SHOP_TABLES = `
  CREATE TABLE users (id INTEGER PRIMARY KEY, username VARCHAR(64) UNIQUE, password_hash TEXT, is_active BOOLEAN, is_admin BOOLEAN);
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, price FLOAT, parent_id INTEGER);
  CREATE TABLE sales (id INTEGER PRIMARY KEY, item_id INTEGER, amount FLOAT);
  CREATE TABLE visits (who TEXT, at TEXT);
`;

/**
 * Writes a source of the shop system: its list of licenses, and files made by SQL, or of given bytes. Returns the folder.
 */
export async function writeShop(
  folder: string,
  licenses: readonly ShopLicense[],
  files: ShopFiles = {},
  more: Omit<ShopSource, "licenses"> = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const source: ShopSource = { licenses, ...more };
  await writeFile(join(folder, "licenses.json"), JSON.stringify(source));
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    if (typeof content === "string") fill(path, content);
    else await writeFile(path, content);
  }
  return folder;
}

function fill(path: string, statements: string): void {
  const db = new DatabaseSync(path);
  db.exec(statements);
  db.close();
}
