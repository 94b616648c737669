import type {
  ImportEvent,
  ImportPlan,
  LegacyValue,
  RefusedRow,
  SourceDescription,
  SourceErrorCode,
} from "@tenantry/schema/legacy";

/** What a reader is told: one JSON object a line on its standard input, the next when the answer has ended. */
export type ReaderCommand = ReaderOrder & {
  /** Absolute, without links. */
  readonly file: string;
  readonly maxFileBytes: number;
};

export type ReaderOrder =
  | { readonly kind: "describe" }
  | { readonly kind: "rows"; readonly table: string }
  | {
      readonly kind: "import";
      /** As it was planned. */
      readonly sha256: string;
      readonly plan: ImportPlan;
      readonly refused: readonly RefusedRow[];
    };

export type LegacyRecord = Readonly<Record<string, LegacyValue>>;

/** What a reader answers: any number of frames, of which `done`, `failed` and `defect` are the last. */
export type ReaderFrame =
  /** The file is open: how large it is, so that the parent knows how long silence may last. */
  | { readonly kind: "opened"; readonly bytes: number }
  /** Nothing new, but still at work. */
  | { readonly kind: "alive" }
  | { readonly kind: "description"; readonly description: SourceDescription }
  /** Some of a table's rows; at least one such frame, unless the file has no such table. */
  | { readonly kind: "records"; readonly records: readonly LegacyRecord[] }
  /** The text is the frame's payload; the ids stand with commas between. */
  | { readonly kind: "rows"; readonly table: number; readonly rows: number; readonly rowIds: string }
  | { readonly kind: "event"; readonly event: Exclude<ImportEvent, { readonly kind: "rows" }> }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly code: SourceErrorCode; readonly detail: string }
  /** A fault of ours, not of the file: where it happened, without the message, which may quote the file. */
  | { readonly kind: "defect"; readonly name: string; readonly trace: string };

export interface ReceivedFrame {
  readonly header: ReaderFrame;
  readonly headerBytes: number;
  readonly payload: Buffer;
}

const PREFIX_BYTES = 8;
const MOST_HEADER_BYTES = 512 * 2 ** 20;
const MOST_PAYLOAD_BYTES = 2 ** 30;

/** A frame on the wire: the lengths of header and payload (32 bits each, big-endian), the header in JSON, the payload. */
export function encodeFrame(header: ReaderFrame, payload?: Buffer): Buffer[] {
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(json.length, 0);
  prefix.writeUInt32BE(payload?.length ?? 0, 4);
  return payload === undefined ? [prefix, json] : [prefix, json, payload];
}

/** Puts frames together out of whatever pieces a pipe hands out. */
export class FrameParser {
  #pieces: Buffer[] = [];
  #bytes = 0;
  #need: { readonly header: number; readonly payload: number } | null = null;

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /**
   * The next frame, or null until more pieces have come.
   *
   * @throws RangeError, SyntaxError for something that no reader writes.
   */
  next(): ReceivedFrame | null {
    if (this.#need === null) {
      if (this.#bytes < PREFIX_BYTES) return null;
      const prefix = this.#take(PREFIX_BYTES);
      const need = { header: prefix.readUInt32BE(0), payload: prefix.readUInt32BE(4) };
      if (need.header > MOST_HEADER_BYTES || need.payload > MOST_PAYLOAD_BYTES) {
        throw new RangeError("the reader sent a frame of an impossible size");
      }
      this.#need = need;
    }
    const { header, payload } = this.#need;
    if (this.#bytes < header + payload) return null;
    this.#need = null;
    return {
      header: JSON.parse(this.#take(header).toString("utf8")) as ReaderFrame,
      headerBytes: header,
      payload: this.#take(payload),
    };
  }

  #take(count: number): Buffer {
    const taken: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const piece = this.#pieces[0] as Buffer;
      if (piece.length > missing) {
        taken.push(piece.subarray(0, missing));
        this.#pieces[0] = piece.subarray(missing);
        missing = 0;
      } else {
        taken.push(piece);
        this.#pieces.shift();
        missing -= piece.length;
      }
    }
    this.#bytes -= count;
    return taken.length === 1 ? (taken[0] as Buffer) : Buffer.concat(taken, count);
  }
}
