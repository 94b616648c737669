import type { ImportEvent } from "@tenantry/schema/legacy";

/** Characters and rows after which a batch is given away. */
const BATCH_CHARACTERS = 256 * 1024;
const BATCH_ROWS = 20_000;

/** Lines of COPY's text format on their way, in batches. */
export class CopyBatch {
  readonly #table: number;
  readonly #emit: (event: ImportEvent) => void;
  #text = "";
  #rowIds: string[] = [];

  constructor(table: number, emit: (event: ImportEvent) => void) {
    this.#table = table;
    this.#emit = emit;
  }

  add(line: string, rowId: string): void {
    this.#text += line;
    this.#rowIds.push(rowId);
    if (this.#text.length >= BATCH_CHARACTERS || this.#rowIds.length >= BATCH_ROWS) this.flush();
  }

  flush(): void {
    const rowIds = this.#rowIds;
    if (rowIds.length === 0) return;
    const text = Buffer.from(this.#text);
    this.#text = "";
    this.#rowIds = [];
    this.#emit({ kind: "rows", table: this.#table, text, rows: rowIds.length, rowIds });
  }
}

const SPECIAL = /[\t\n\r\\]/;
const EACH_SPECIAL = /[\t\n\r\\]/g;
const ESCAPES: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\" };

/** A text as COPY's text format has it. */
export function copyText(text: string): string {
  return SPECIAL.test(text) ? text.replace(EACH_SPECIAL, (character) => ESCAPES[character] ?? "") : text;
}
