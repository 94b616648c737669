import type { ImportPlan, LegacyValue, QuarantinedRow } from "./import-plan.ts";
import type { TargetDescription } from "./target-description.ts";

/** The highest ids of rows in quarantine, for each table of a plan whose ids come from a sequence. */
export class HighestIds {
  readonly #columns: readonly (string | null)[];
  readonly #highest = new Map<number, bigint>();

  constructor({ tables }: ImportPlan, target: TargetDescription) {
    this.#columns = tables.map(({ target: name, extra, columns }) => {
      const numbered = extra ? null : numberedColumn(target, name);
      return columns.find((column) => column.target === numbered)?.source ?? null;
    });
  }

  /** @param table index in the plan's tables */
  add(table: number, { row }: QuarantinedRow): void {
    const id = integerOf(row[this.#columns[table] ?? ""] ?? null);
    if (id !== null && id > (this.#highest.get(table) ?? 0n)) this.#highest.set(table, id);
  }

  /** Null for none. */
  of(table: number): bigint | null {
    return this.#highest.get(table) ?? null;
  }
}

/** The column of a table that a sequence gives its values; null for none. A table may have several: the first. */
export function numberedColumn({ tables }: TargetDescription, table: string): string | null {
  const columns = tables.find(({ name }) => name === table)?.columns ?? [];
  return columns.find(({ identity }) => identity)?.name ?? null;
}

/** Whatever of it may be an id. */
function integerOf(value: LegacyValue): bigint | null {
  const text = typeof value === "object" && value !== null && "integer" in value ? value.integer : value;
  return (typeof text === "number" || typeof text === "string") && /^\d{1,19}$/.test(String(text))
    ? BigInt(text)
    : null;
}
