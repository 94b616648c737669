import type { TargetColumn, TargetDescription, TargetTable } from "../target-description.ts";
import type { ToldTable } from "./told-rows.ts";

/** Rows refer to the first so many of a table, so that each has to have as many at least. */
export const REFERRED_ROWS = 30;

/**
 * Rows for every table of a blueprint, which keep its simple rules.
 *
 * @param rows how many a table gets, by its name
 */
export function madeUpTables({ tables }: TargetDescription, rows: (table: string) => number): ToldTable[] {
  return inOrder(tables).map((table) => {
    const columns = table.columns.filter(({ generated }) => !generated);
    return {
      target: table.name,
      columns: columns.map(({ name }) => name),
      rows: Array.from({ length: rows(table.name) }, (_, at) =>
        columns.map((column) => cell(column, refers(table, column.name) ? (at % REFERRED_ROWS) + 1 : at + 1)),
      ),
    };
  });
}

/** Also of columns that a generated one takes its reference from. */
function refers(table: TargetTable, column: string): boolean {
  if (table.primaryKey.includes(column)) return false;
  return column.endsWith("_id") || table.references.some(({ columns }) => columns.includes(column));
}

/** Parents first; tables of a cycle as they come. */
function inOrder(tables: readonly TargetTable[]): TargetTable[] {
  const ordered = new Map<string, TargetTable>();
  const visit = (table: TargetTable, path: readonly string[]): void => {
    if (ordered.has(table.name) || path.includes(table.name)) return;
    for (const { table: parent, deferrable } of table.references) {
      const found = tables.find(({ name }) => name === parent);
      if (found !== undefined && !deferrable) visit(found, [...path, table.name]);
    }
    ordered.set(table.name, table);
  };
  for (const table of tables) visit(table, []);
  return [...ordered.values()];
}

function cell(column: TargetColumn, row: number): string | null {
  const { name, type, oneOf, least, most } = column;
  const day = new Date(Date.UTC(2020, 0, 1) + row * 86_400_000).toISOString().slice(0, 10);
  const isPlain = type === "text" || type === "boolean" || type.startsWith("character varying");
  // What a check with more to it allows.
  if (isPlain && column.constantDefault !== null) return column.constantDefault;
  if (oneOf !== null) return oneOf[row % oneOf.length] ?? null;
  const length = /^character varying\((\d+)\)$/.exec(type)?.[1];
  if (length !== undefined || type === "text") return `${name} ${row}`.slice(-Number(length ?? 64));
  const scale = /^numeric\(\d+,(\d+)\)$/.exec(type)?.[1];
  if (scale !== undefined) return `${row % 90}.${"25".padEnd(Number(scale), "0")}`;
  switch (type) {
    case "integer":
    case "bigint":
    case "smallint": {
      if (least === null || most === null) return String(row);
      return String(Number(least) + (row % (Number(most) - Number(least) + 1)));
    }
    case "boolean":
      return row % 2 === 0 ? "true" : "false";
    case "date":
      return day;
    case "time without time zone":
      return column.required ? "09:30:00" : null;
    case "timestamp with time zone":
      return `${day} 10:20:30.123456+00`;
    case "uuid":
      return `01900000-0000-7000-8000-${String(row).padStart(12, "0")}`;
    default:
      return null;
  }
}
