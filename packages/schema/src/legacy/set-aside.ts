import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { PoolClient } from "../pool.ts";
import type { ImportPlan } from "./import-plan.ts";

/**
 * From so many rows on, a table's foreign keys and indexes are made anew when its rows are there, rather than kept at each
 * row: checking a key for all rows at once is some ten times cheaper than one by one, and making a key or an index
 * anew costs what a hundred rows do.
 */
const MANY_ROWS = 1_000;

/**
 * When the foreign keys of tables with many rows are checked: for all rows at once, or at each row, which tells the row that
 * is wrong.
 */
export type KeyChecks = "at-the-end" | "row-by-row";

/** What was taken from one table, to be given back: SQL, each statement ended. */
interface SetAside {
  readonly table: string;
  readonly indexes: readonly string[];
  readonly keys: readonly KeySetAside[];
}

interface KeySetAside {
  /** The table that is referred to. */
  readonly refersTo: string;
  readonly statement: string;
}

/** The blueprint's tables that get many rows, by their names in the tenant's schema. */
export function tablesOfMany(plan: ImportPlan): ReadonlySet<string> {
  const many = plan.tables.filter(({ extra, rows = 0 }) => !extra && rows >= MANY_ROWS);
  return new Set(many.map(({ target }) => target));
}

/** Foreign keys and indexes of the tables with many rows, while rows come in. To be given back table by table. */
export class TablesOfMany {
  readonly #client: PoolClient;
  #waiting: readonly SetAside[];
  /** Whose rows aren't all there. */
  readonly #open: Set<string>;

  /**
   * Takes the foreign keys and the indexes that hold nothing unique from the plan's tables with many rows, by the tenant's
   * schema, which alone is on the path. No check may wait. What carries more than its definition stays: a comment, a
   * mark to cluster by, a key that isn't valid or is inherited.
   */
  static async setAside(
    client: PoolClient,
    schema: string,
    plan: ImportPlan,
    keys: KeyChecks,
  ): Promise<TablesOfMany> {
    const names = keys === "at-the-end" ? tablesOfMany(plan) : new Set<string>();
    const open = new Set(plan.tables.map(({ target }) => target));
    if (names.size === 0) return new TablesOfMany(client, [], open);
    const { rows } = await client.query<Found>(definitionsQuery(schema, names));
    await client.query(rows.map(dropStatement).join(""));
    return new TablesOfMany(
      client,
      [...Map.groupBy(rows, ({ table }) => table).values()].map(toSetAside),
      open,
    );
  }

  private constructor(client: PoolClient, waiting: readonly SetAside[], open: Set<string>) {
    this.#client = client;
    this.#waiting = waiting;
    this.#open = open;
  }

  /** All rows of a table are there: gives back its indexes, and every key that now can be checked. */
  async giveBack(table: string): Promise<void> {
    this.#open.delete(table);
    const now: string[] = [];
    this.#waiting = this.#waiting.flatMap((each) => {
      if (this.#open.has(each.table)) return [each];
      const keys = each.keys.filter(({ refersTo }) => this.#open.has(refersTo));
      const ready = each.keys.filter((key) => !keys.includes(key));
      now.push(...each.indexes, ...ready.map(({ statement }) => statement));
      return keys.length === 0 ? [] : [{ table: each.table, indexes: [], keys }];
    });
    if (now.length > 0) await this.#client.query(now.join(""));
  }
}

function dropStatement({ kind, table, name }: Found): string {
  return kind === "key"
    ? `ALTER TABLE ${quoteIdentifier(table)} DROP CONSTRAINT ${quoteIdentifier(name)};\n`
    : `DROP INDEX ${quoteIdentifier(name)};\n`;
}

/** @param found of one table */
function toSetAside(found: readonly Found[]): SetAside {
  const table = found[0]?.table ?? "";
  const add = ({ name, definition }: Found): string =>
    `ALTER TABLE ${quoteIdentifier(table)} ADD CONSTRAINT ${quoteIdentifier(name)} ${definition};\n`;
  return {
    table,
    indexes: found.flatMap(({ kind, definition }) => (kind === "index" ? `${definition};\n` : [])),
    keys: found.flatMap((each) =>
      each.kind === "key" ? { refersTo: each.refersTo ?? table, statement: add(each) } : [],
    ),
  };
}

interface Found {
  readonly kind: "key" | "index";
  readonly table: string;
  readonly name: string;
  readonly definition: string;
  readonly refersTo: string | null;
}

function definitionsQuery(schema: string, tables: ReadonlySet<string>): string {
  const names = [...tables].map(quoteLiteral).join(", ");
  const namespace = `${quoteLiteral(quoteIdentifier(schema))}::regnamespace`;
  return `
    WITH wanted AS (
      SELECT oid, relname FROM pg_class WHERE relnamespace = ${namespace} AND relkind = 'r' AND relname IN (${names})
    )
    SELECT 'key' AS kind, wanted.relname AS "table", con.conname AS name, pg_get_constraintdef(con.oid) AS definition,
      (SELECT relname FROM pg_class WHERE oid = con.confrelid) AS "refersTo"
    FROM wanted JOIN pg_constraint AS con ON con.conrelid = wanted.oid
    WHERE con.contype = 'f' AND con.convalidated AND con.conparentid = 0
      AND obj_description(con.oid, 'pg_constraint') IS NULL
    UNION ALL
    SELECT 'index', wanted.relname, own.relname, pg_get_indexdef(ind.indexrelid), NULL
    FROM wanted JOIN pg_index AS ind ON ind.indrelid = wanted.oid JOIN pg_class AS own ON own.oid = ind.indexrelid
    WHERE NOT ind.indisunique AND NOT ind.indisexclusion AND NOT ind.indisclustered AND NOT ind.indisreplident
      AND obj_description(ind.indexrelid, 'pg_class') IS NULL
    ORDER BY 1, 2, 3`;
}
