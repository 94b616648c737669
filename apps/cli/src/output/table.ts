import { displayWidth } from "./display-width.ts";

export interface Column<T> {
  readonly title: string;
  /** The cell's text, harmless to a terminal. */
  readonly cell: (row: T) => string;
  readonly align?: "left" | "right";
}

/** Rows under their titles, each column as wide as its widest cell. Ends in a line break. */
export function formatTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((column) => column.cell(row))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => displayWidth(line[index] ?? ""))));
  return cells
    .map((line) =>
      line
        .map((text, index) => pad(text, widths[index] ?? 0, columns[index]?.align ?? "left"))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** Names and values, one pair a line, the values under each other. Ends in a line break. */
export function formatPairs(pairs: readonly (readonly [string, string])[], indent = ""): string {
  const width = Math.max(0, ...pairs.map(([name]) => displayWidth(name)));
  return pairs
    .map(([name, value]) => `${indent}${pad(name, width, "left")}  ${value}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

function pad(text: string, width: number, align: "left" | "right"): string {
  const blanks = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "left" ? text + blanks : blanks + text;
}
