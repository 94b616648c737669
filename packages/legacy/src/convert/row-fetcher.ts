import type { DatabaseSync, StatementSync } from "node:sqlite";
import { quoteName, type SourceTable } from "./source-table.ts";
import type { SqliteValue } from "./values/value.ts";

/** One row as it lies in the file: by column its value and, of text, its bytes in the file's encoding. */
export type WholeRow = ReadonlyMap<
  string,
  { readonly value: SqliteValue; readonly bytes: Uint8Array | null }
>;

/**
 * Reads single rows again, whole and to the byte: of text that isn't UTF-8, SQLite's driver has only replacement
 * characters to show. Rows without a rowid have to be asked for in their order: they are found by going on to them.
 */
export class RowFetcher {
  readonly #columns: readonly string[];
  readonly #byRowId: StatementSync | null;
  readonly #all: StatementSync;
  #walk: { rows: Iterator<unknown>; place: number; row: readonly SqliteValue[] } | null = null;

  constructor(db: DatabaseSync, table: SourceTable, columns: readonly string[]) {
    this.#columns = columns;
    const values = columns.map(quoteName).map((name) => {
      return `${name}, CASE WHEN typeof(${name}) = 'text' THEN CAST(${name} AS BLOB) END`;
    });
    const select = `SELECT ${values.length === 0 ? "NULL" : values.join(", ")} FROM main.${quoteName(table.name)}`;
    const prepare = (sql: string): StatementSync => {
      const statement = db.prepare(sql);
      statement.setReturnArrays(true);
      statement.setReadBigInts(true);
      return statement;
    };
    this.#all = prepare(`${select} ${table.order}`);
    this.#byRowId = table.rowId === null ? null : prepare(`${select} WHERE ${table.rowId} = ?`);
  }

  /** The row of a row's id, as in `QuarantinedRow.rowId`. */
  fetch(rowId: string): WholeRow {
    const row =
      this.#byRowId === null
        ? this.#goTo(Number(rowId))
        : (this.#byRowId.get(BigInt(rowId)) as unknown as readonly SqliteValue[] | undefined);
    if (row === undefined) throw new Error("a row that was read a moment ago is gone: the file is changing");
    return new Map(
      this.#columns.map((name, index) => [
        name,
        { value: row[index * 2] ?? null, bytes: (row[index * 2 + 1] ?? null) as Uint8Array | null },
      ]),
    );
  }

  #goTo(place: number): readonly SqliteValue[] | undefined {
    if (this.#walk === null || this.#walk.place > place) {
      this.#walk = { rows: this.#all.iterate()[Symbol.iterator](), place: 0, row: [] };
    }
    const walk = this.#walk;
    while (walk.place < place) {
      const next = walk.rows.next();
      if (next.done) return undefined;
      walk.row = next.value as readonly SqliteValue[];
      walk.place++;
    }
    return walk.row;
  }

  close(): void {
    this.#walk?.rows.return?.();
    this.#walk = null;
  }
}
