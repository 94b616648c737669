import { createHash } from "node:crypto";
import {
  CHECKSUM_NULL,
  CHECKSUM_SEPARATOR,
  type ImportEvent,
  type ImportPlan,
  type OpenImport,
  type QuarantinedRow,
  type TableFigures,
  type TablePlan,
} from "../import-plan.ts";

export type Value = string | null;

/** Rows of one table for a plan, each value as PostgreSQL writes it; a row's id is its place, from 1. */
export interface ToldTable {
  readonly target: string;
  readonly columns: readonly string[];
  readonly summed?: readonly string[];
  readonly extra?: boolean;
  readonly rows: readonly (readonly Value[])[];
}

export function toldPlan(tables: readonly ToldTable[]): ImportPlan {
  return { tables: tables.map(tablePlan) };
}

function tablePlan({ target, columns, rows, summed = [], extra = false }: ToldTable): TablePlan {
  return {
    source: target,
    target,
    extra,
    rows: rows.length,
    columns: columns.map((name) => ({
      source: name,
      target: name,
      value: { kind: "anything" },
      whenNull: { kind: "null" },
      summed: summed.includes(name),
    })),
    key: columns.includes("id") ? "id" : null,
    unique: [],
    references: [],
    owner: null,
    secrets: [],
  };
}

/** What a reader would tell of the rows, in batches; `twist` falsifies it. */
export function tell(
  tables: readonly ToldTable[],
  twist: (event: ImportEvent) => ImportEvent | null = (event) => event,
  batch = 2,
): OpenImport {
  return async function* (refused) {
    for (const [table, told] of tables.entries()) {
      const isRefused = (id: number): boolean =>
        refused.some((row) => row.table === table && row.rowId === String(id));
      const rows = told.rows.map((values, at) => ({ id: at + 1, values }));
      const kept = rows.filter(({ id }) => !isRefused(id));
      for (const { id } of rows.filter((row) => isRefused(row.id))) {
        const event = twist({ kind: "quarantined", table, row: quarantined(told.target, id) });
        if (event !== null) yield event;
      }
      for (let at = 0; at < kept.length; at += batch) {
        const part = kept.slice(at, at + batch);
        const text = Buffer.from(part.map(({ values }) => line(values)).join(""));
        const rowIds = part.map(({ id }) => String(id));
        const event = twist({ kind: "rows", table, text, rows: part.length, rowIds });
        if (event !== null) yield event;
      }
      const figures = figuresOf(
        told,
        kept.map(({ values }) => values),
      );
      const event = twist({ kind: "table-end", table, figures });
      if (event !== null) yield event;
    }
  };
}

function quarantined(target: string, id: number): QuarantinedRow {
  return {
    table: target,
    target,
    rowId: String(id),
    column: "id",
    code: "refused",
    reason: "It was refused.",
    row: { id },
  };
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function line(values: readonly Value[]): string {
  const fields = values.map(
    (value) => value?.replace(/[\\\n\r\t]/g, (found) => ESCAPES[found] ?? "") ?? "\\N",
  );
  return `${fields.join("\t")}\n`;
}

function figuresOf(told: ToldTable, kept: readonly (readonly Value[])[]): TableFigures {
  const { target, columns, rows, summed = [] } = told;
  const checksum = kept.reduce((sum, values) => {
    const text = values.map((value) => value ?? CHECKSUM_NULL).join(CHECKSUM_SEPARATOR);
    return sum + createHash("sha256").update(text).digest().readBigInt64BE();
  }, 0n);
  const sums = summed.map((name) => {
    const cents = kept.reduce((sum, values) => sum + Number(values[columns.indexOf(name)] ?? 0) * 100, 0);
    return [name, (cents / 100).toFixed(2)];
  });
  return {
    source: target,
    target,
    read: rows.length,
    copied: kept.length,
    quarantined: rows.length - kept.length,
    converted: {},
    checksum: String(checksum),
    sums: Object.fromEntries(sums),
  };
}
