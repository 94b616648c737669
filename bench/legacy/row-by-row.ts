import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import pg from "pg";
import { dedTable } from "../../test/support/legacy/ded-tables.ts";
import { makeEmptyTenant } from "./empty-tenant.ts";
import type { LargeFile } from "./large-file.ts";
import { assertMoved, type Mover } from "./mover.ts";

/**
 * (b) The old script's way: one INSERT for each row, with a savepoint so that a bad row spoils only itself; parametrised, in
 * one transaction. A smaller file of the same mix, for nobody would wait for the large one: its rows a second don't
 * depend on how many there are.
 */
export function rowByRow(small: LargeFile): Mover {
  return {
    name: "INSERT row by row",
    kind: "peer",
    target: 20,
    move: async (databaseUrl) => {
      const schema = await makeEmptyTenant(databaseUrl);
      const source = new DatabaseSync(small.file, { readOnly: true });
      const client = new pg.Client({
        connectionString: databaseUrl,
        options: `-c search_path=${schema} -c timezone=UTC`,
      });
      await client.connect();
      try {
        const begun = performance.now();
        await client.query("BEGIN; SET CONSTRAINTS ALL DEFERRED");
        for (const { name } of small.tables) await insertTable(client, source, name, small);
        await client.query("COMMIT");
        const seconds = (performance.now() - begun) / 1000;
        await assertMoved(databaseUrl, schema, small);
        return { rows: small.rows, seconds };
      } finally {
        await client.end();
        source.close();
      }
    },
  };
}

async function insertTable(
  client: pg.Client,
  source: DatabaseSync,
  table: string,
  { columns }: LargeFile,
): Promise<void> {
  const names = columns.get(table) ?? [];
  const booleans = booleansOf(table);
  const places = names.map((_, index) => `$${index + 1}`).join(", ");
  const text = `INSERT INTO ${table} (${names.join(", ")}) VALUES (${places})`;
  for (const row of source.prepare(`SELECT ${names.join(", ")} FROM ${table}`).iterate()) {
    await client.query("SAVEPOINT one_row");
    await client.query(
      text,
      names.map((name) => converted(row[name], booleans.has(name))),
    );
    await client.query("RELEASE SAVEPOINT one_row");
  }
}

export function booleansOf(table: string): ReadonlySet<string> {
  return new Set(
    dedTable(table)
      .columns.filter(({ type }) => type === "BOOLEAN")
      .map(({ name }) => name),
  );
}

function converted(value: SQLOutputValue | undefined, isBoolean: boolean): unknown {
  return isBoolean && value !== null ? value === 1 : value;
}
