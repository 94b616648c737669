import type { ConversionKind, TableFigures } from "@tenantry/schema/legacy";
import { Checksum } from "./checksum.ts";
import { ExactSum } from "./exact-sum.ts";
import type { RowState } from "./read-row.ts";
import type { TableWork } from "./work.ts";

/** What is counted and summed while a table is read. */
export class TableTally {
  readonly #work: TableWork;
  readonly #checksum = new Checksum();
  readonly #sums: readonly { readonly column: number; readonly sum: ExactSum }[];
  readonly #converted = new Map<number, Map<ConversionKind, number>>();
  #copied = 0;
  #quarantined = 0;

  constructor(work: TableWork) {
    this.#work = work;
    this.#sums = work.columns.flatMap(({ plan }, column) =>
      plan.summed
        ? [{ column, sum: new ExactSum(plan.value.kind === "decimal" ? plan.value.scale : 0) }]
        : [],
    );
  }

  /** @param text the row's text for the checksum. */
  copied({ texts, changes }: RowState, text: string): void {
    this.#copied++;
    this.#checksum.add(text);
    for (const { column, sum } of this.#sums) {
      const value = texts[column] ?? null;
      if (value !== null) sum.add(value);
    }
    for (let at = 0; at < changes.length; at += 2) {
      this.#count(changes[at] as number, changes[at + 1] as ConversionKind);
    }
  }

  quarantined(): void {
    this.#quarantined++;
  }

  #count(column: number, kind: ConversionKind): void {
    let kinds = this.#converted.get(column);
    if (kinds === undefined) {
      kinds = new Map();
      this.#converted.set(column, kinds);
    }
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }

  figures(): TableFigures {
    const { plan, columns } = this.#work;
    const name = (column: number): string => columns[column]?.plan.target ?? "";
    return {
      source: plan.source,
      target: plan.target,
      read: this.#copied + this.#quarantined,
      copied: this.#copied,
      quarantined: this.#quarantined,
      converted: Object.fromEntries(
        [...this.#converted].map(([column, kinds]) => [name(column), Object.fromEntries(kinds)]),
      ),
      checksum: this.#checksum.text,
      sums: Object.fromEntries(this.#sums.map(({ column, sum }) => [name(column), sum.text])),
    };
  }
}
