import { DatabaseSync } from "node:sqlite";
import type {
  ColumnPlan,
  ImportEvent,
  ImportPlan,
  QuarantinedRow,
  RefusedRow,
  TableFigures,
  TablePlan,
  ValueRule,
} from "@tenantry/schema/legacy";
import { readOnlyTables } from "../../reader/authorizer.ts";
import { streamImport } from "../stream-import.ts";

/** A database file in memory, in which references aren't looked at. */
export function file(sql: string): DatabaseSync {
  const db = new DatabaseSync(":memory:", { enableForeignKeyConstraints: false });
  db.exec(sql);
  return db;
}

export const INT4: ValueRule = { kind: "integer", min: "-2147483648", max: "2147483647" };
export const INT8: ValueRule = {
  kind: "integer",
  min: "-9223372036854775808",
  max: "9223372036854775807",
};
export const TEXT: ValueRule = { kind: "text", max: null };
export const MONEY: ValueRule = { kind: "decimal", precision: 28, scale: 12 };
export const UTC: ValueRule = { kind: "timestamp", zone: "UTC" };

type ColumnInput = ValueRule | (Omit<Partial<ColumnPlan>, "value"> & Pick<ColumnPlan, "value">);

/** A plan of a table whose columns have the same names on both sides, unless they say otherwise. */
export function tablePlan(
  source: string,
  columns: Readonly<Record<string, ColumnInput>>,
  more: Partial<TablePlan> = {},
): TablePlan {
  return {
    source,
    target: source,
    extra: false,
    columns: Object.entries(columns).map(([name, input]) => ({
      source: name,
      target: name,
      whenNull: { kind: "null" },
      summed: false,
      ...("value" in input ? input : { value: input }),
    })),
    key: null,
    unique: [],
    references: [],
    owner: null,
    secrets: [],
    ...more,
  };
}

export interface ImportedTable {
  /** The rows as COPY would take them, in the order in which they came. */
  readonly rows: (string | null)[][];
  readonly rowIds: string[];
  readonly quarantined: QuarantinedRow[];
  readonly figures: TableFigures;
  /** As it was streamed. */
  readonly text: Buffer;
}

/** Runs an import to its end and sorts what it tells by table. */
export function runImport(
  db: DatabaseSync,
  tables: readonly TablePlan[],
  refused: readonly RefusedRow[] = [],
): ImportedTable[] {
  const plan: ImportPlan = { tables };
  const events: ImportEvent[] = [];
  // As the reader's process reads: whatever asks for more than ordinary tables is refused.
  readOnlyTables(db, [...new Set(tables.map(({ source }) => source))]);
  try {
    streamImport(db, plan, refused, (event) => void events.push(event));
  } finally {
    db.setAuthorizer(null);
  }
  return tables.map((_, table) => {
    const own = events.filter((event) => event.table === table);
    const batches = own.filter((event) => event.kind === "rows");
    const end = own.at(-1);
    if (end?.kind !== "table-end") throw new Error("a table's figures have to come last");
    const text = Buffer.concat(batches.map((batch) => batch.text));
    return {
      text,
      rows: copyRows(text.toString()),
      rowIds: batches.flatMap((batch) => batch.rowIds),
      quarantined: own.flatMap((event) => (event.kind === "quarantined" ? [event.row] : [])),
      figures: end.figures,
    };
  });
}

const UNESCAPED: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", "\\": "\\" };

function copyRows(text: string): (string | null)[][] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) =>
      line
        .split("\t")
        .map((field) =>
          field === "\\N"
            ? null
            : field.replaceAll(/\\(.)/g, (_, letter: string) => UNESCAPED[letter] ?? "?"),
        ),
    );
}
