import type { ImportEvent } from "@tenantry/schema/legacy";

/** Bytes and rows after which a batch is given away; a longer row is a batch alone. */
const BATCH_BYTES = 256 * 1024;
const BATCH_ROWS = 20_000;
/** A UTF-16 code unit's most bytes in UTF-8. */
const UNIT_BYTES = 3;

/** Lines of COPY's text format on their way, in batches. */
export class CopyBatch {
  readonly #table: number;
  readonly #emit: (event: ImportEvent) => void;
  #buffer = Buffer.allocUnsafeSlow(0);
  #length = 0;
  #rowIds: string[] = [];

  constructor(table: number, emit: (event: ImportEvent) => void) {
    this.#table = table;
    this.#emit = emit;
  }

  add(line: string, rowId: string): void {
    const most = line.length * UNIT_BYTES;
    const isFull = this.#length >= BATCH_BYTES || this.#rowIds.length === BATCH_ROWS;
    if (isFull || this.#length + most > this.#buffer.length) {
      this.flush();
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(BATCH_BYTES, most));
    }
    this.#length += this.#buffer.write(line, this.#length);
    this.#rowIds.push(rowId);
  }

  flush(): void {
    const rowIds = this.#rowIds;
    if (rowIds.length === 0) return;
    const text = this.#buffer.subarray(0, this.#length);
    this.#buffer = Buffer.allocUnsafeSlow(0);
    this.#length = 0;
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
