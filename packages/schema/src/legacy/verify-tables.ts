import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { PoolClient } from "../pool.ts";
import { relationsOf } from "../tenant/contents.ts";
import { numberedColumn } from "./highest-ids.ts";
import {
  CHECKSUM_NULL,
  CHECKSUM_SEPARATOR,
  type ImportPlan,
  type TableFigures,
  type TablePlan,
} from "./import-plan.ts";
import type { TargetDescription } from "./target-description.ts";

/** Casts have to read the same whatever the server's settings; see `CHECKSUM_SEPARATOR`. */
export const PLAIN_TEXT =
  "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = postgres; SET LOCAL bytea_output = hex; SET LOCAL extra_float_digits = 1";

/** One table's part of the certificate: figures that the file's reader and PostgreSQL agree on. */
export interface ImportedTable {
  readonly source: string;
  readonly target: string;
  readonly extra: boolean;
  readonly read: number;
  readonly copied: number;
  readonly quarantined: number;
  readonly converted: TableFigures["converted"];
  readonly checksum: string;
  readonly sums: Readonly<Record<string, string>>;
}

/** What arrived isn't what was read. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
  readonly table: string;
  readonly figure: string;

  constructor(table: string, figure: string, read: string, found: string, by = "to the file's reader") {
    super(`${table === "" ? "" : `table ${table}: `}${figure} is ${found} here, and ${read} ${by}`);
    this.table = table;
    this.figure = figure;
  }
}

/** What PostgreSQL holds of a plan's table. */
export interface FoundFigures {
  /** Index in the plan's tables. */
  readonly place: number;
  readonly rows: string;
  readonly checksum: string;
  /** In the order of the summed columns. */
  readonly sums: readonly string[];
  /** Of the column that a sequence gives its values; null for no rows, or no such column. */
  readonly highest: string | null;
}

/**
 * Asks PostgreSQL for rows, checksum, sums and highest id of some of the plan's tables, all in one query. Tables that ought
 * to have no row, as most of a small tenant's, are only looked at for whether anything was ever written into them.
 *
 * @param figures the reader's, as far as they are known
 */
export async function readFigures(
  client: PoolClient,
  { plan, target }: { readonly plan: ImportPlan; readonly target: TargetDescription },
  places: readonly number[],
  figures: readonly TableFigures[],
): Promise<FoundFigures[]> {
  const untouched = await untouchedTables(
    client,
    plan,
    places.filter((place) => figures[place]?.copied === 0),
  );
  const queries = places.flatMap((place) => {
    const table = plan.tables[place];
    if (table === undefined || untouched.has(place)) return [];
    return figuresQuery(table, place, table.extra ? null : numberedColumn(target, table.target));
  });
  const { rows } =
    queries.length === 0 ? { rows: [] } : await client.query<FoundFigures>(queries.join(" UNION ALL "));
  return [...rows, ...[...untouched].map((place) => ({ ...NOTHING, place }))];
}

const NOTHING: Omit<FoundFigures, "place"> = { rows: "0", checksum: "0", sums: [], highest: null };

/** Those without a single page: a query that counts nothing costs more than all the rest that is done for such a table. */
async function untouchedTables(
  client: PoolClient,
  { tables }: ImportPlan,
  places: readonly number[],
): Promise<ReadonlySet<number>> {
  if (places.length === 0) return new Set();
  const named = places.map((place) => {
    const name = quoteLiteral(quoteIdentifier(tables[place]?.target ?? ""));
    return `(${place}, ${name}::regclass)`;
  });
  const { rows } = await client.query<{ place: number }>(
    `SELECT place FROM (VALUES ${named.join(", ")}) AS named (place, relation) WHERE pg_relation_size(relation) = 0`,
  );
  return new Set(rows.map(({ place }) => place));
}

/**
 * Compares what the reader says with what PostgreSQL holds: rows, checksum and sums of each table.
 *
 * @throws VerificationError for the first figure that differs
 */
export function verifyTables(
  plan: ImportPlan,
  figures: readonly TableFigures[],
  inPostgres: readonly FoundFigures[],
): ImportedTable[] {
  return plan.tables.map((table, index) => {
    const read = figures[index];
    const found = inPostgres.find(({ place }) => place === index);
    if (read === undefined || found === undefined) throw new Error(`no figures of table ${table.target}`);
    compare(table.target, "rows read", String(read.copied + read.quarantined), String(read.read));
    compare(table.target, "rows", String(read.copied), found.rows);
    compare(table.target, "checksum", read.checksum, found.checksum);
    for (const [at, column] of summed(table).entries()) {
      const sum = plain(read.sums[column.target] ?? "0");
      compare(table.target, `sum of ${column.target}`, sum, plain(found.sums[at] ?? "0"));
    }
    const { source, target, extra } = table;
    const { copied, quarantined, converted, checksum, sums } = read;
    return { source, target, extra, read: read.read, copied, quarantined, converted, checksum, sums };
  });
}

/**
 * Compares the number of a schema's foreign keys with that of its blueprint: those that were set aside are back.
 *
 * @throws VerificationError
 */
export async function verifyKeys(
  client: PoolClient,
  schema: string,
  { tables }: TargetDescription,
): Promise<void> {
  const { rows } = await client.query<{ keys: number }>(`SELECT count(*)::integer AS keys
    FROM ${relationsOf(schema)} AS relation JOIN pg_constraint AS con ON con.conrelid = relation.oid
    WHERE con.contype = 'f' AND relation.relkind = 'r'`);
  const keys = tables.reduce((sum, { references }) => sum + references.length, 0);
  if (rows[0]?.keys === keys) return;
  throw new VerificationError(
    "",
    "the number of foreign keys",
    String(keys),
    String(rows[0]?.keys),
    "in the blueprint",
  );
}

function compare(table: string, figure: string, read: string, found: string): void {
  if (read !== found) throw new VerificationError(table, figure, read, found);
}

function summed({ columns }: TablePlan): TablePlan["columns"] {
  return columns.filter((column) => column.summed);
}

/** A sum without the zeros behind its last digit: both sides add some. */
function plain(sum: string): string {
  const short = sum.includes(".") ? sum.replace(/\.?0+$/, "") : sum;
  return short === "-0" || short === "" ? "0" : short;
}

function figuresQuery(table: TablePlan, place: number, numbered: string | null): string {
  const sums = summed(table).map(({ target }) => `coalesce(sum(${quoteIdentifier(target)}), 0)::text`);
  const highest = numbered === null ? "NULL" : `max(${quoteIdentifier(numbered)})::text`;
  return `SELECT ${place} AS place, count(*)::text AS rows,
    coalesce(sum(('x' || encode(substr(sha256(convert_to(${rowText(table)}, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint), 0)::text AS checksum,
    ARRAY[${sums.join(", ")}]::text[] AS sums, ${highest} AS highest FROM ${quoteIdentifier(table.target)}`;
}

/** Functions take at most 100 arguments, so that long rows are put together of parts. */
const PARTS = 90;

function rowText({ columns }: TablePlan): string {
  const texts = columns.map(
    ({ target }) => `coalesce(${quoteIdentifier(target)}::text, ${quoteLiteral(CHECKSUM_NULL)})`,
  );
  const join = (parts: readonly string[]): string => {
    if (parts.length <= PARTS) return `concat_ws(${quoteLiteral(CHECKSUM_SEPARATOR)}, ${parts.join(", ")})`;
    const groups: string[] = [];
    for (let at = 0; at < parts.length; at += PARTS) groups.push(join(parts.slice(at, at + PARTS)));
    return join(groups);
  };
  return join(texts);
}
