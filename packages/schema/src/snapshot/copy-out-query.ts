import type { Duplex } from "node:stream";
import type { Connection, Submittable } from "pg";

/** A message's kind, and its length without the kind. */
const HEAD_BYTES = 5;
const COPY_DATA = 0x64;
const COPY_OUT_RESPONSE = 0x48;
/** What the server may say at any time: a notice, a changed setting, a notification. */
const ASIDES: ReadonlySet<number> = new Set([0x4e, 0x53, 0x41]);
const NOTHING = Buffer.alloc(0);

type Read = (chunk: Buffer) => void;

/**
 * One `COPY … TO STDOUT`. While rows come it reads the connection itself, as pg-copy-streams does, but a row costs it no more
 * than a move of its bytes: PostgreSQL sends each as a message of its own, and what a stream does for each was what a snapshot
 * of a large table waited for.
 */
export class CopyOutQuery implements Submittable {
  /** The number of rows, when all are taken and the connection can be asked something else. */
  readonly ended: Promise<number>;
  readonly #text: string;
  readonly #take: (chunk: Buffer) => Promise<void> | void;
  readonly #settle: PromiseWithResolvers<number> = Promise.withResolvers();
  #stream: Duplex | null = null;
  #driver: Read | null = null;
  /** The beginning of a message whose head, or whose end where it isn't of rows, has yet to come. */
  #begun: Buffer = NOTHING;
  /** Bytes that the message under way has yet to bring. */
  #missing = 0;
  #taking: Promise<void> | null = null;
  #rows = 0;

  /** @param take is given COPY text, which breaks anywhere, and waited for; the chunk is its own */
  constructor(text: string, take: (chunk: Buffer) => Promise<void> | void) {
    this.#text = text;
    this.#take = take;
    this.ended = this.#settle.promise;
  }

  /** The driver's. */
  submit(connection: Connection): void {
    const { stream } = connection;
    const [driver, ...others] = stream.listeners("data");
    if (driver === undefined || others.length > 0) throw new Error("the connection is read by somebody else");
    this.#stream = stream;
    this.#driver = driver as Read;
    stream.off("data", this.#driver);
    stream.on("data", this.#read);
    connection.query(this.#text);
  }

  /** The driver's. */
  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#rows = Number(/^COPY (\d+)$/.exec(text)?.[1]);
  }

  /** The driver's: all was read. */
  handleReadyForQuery(): void {
    this.#whenTaken(() => this.#settle.resolve(this.#rows));
  }

  /** The driver's: PostgreSQL refused, or the connection is lost. */
  handleError(error: Error): void {
    this.#giveBack(NOTHING);
    this.#whenTaken(() => this.#settle.reject(error));
  }

  /** Moves the rows in a chunk together, to its beginning. */
  readonly #read: Read = (chunk) => {
    const bytes = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk]);
    this.#begun = NOTHING;
    let kept = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#missing > 0) {
        const copied = bytes.copy(bytes, kept, at, Math.min(bytes.length, at + this.#missing));
        this.#missing -= copied;
        kept += copied;
        at += copied;
        continue;
      }
      if (bytes.length - at < HEAD_BYTES) break;
      const kind = bytes[at];
      const length = bytes.readUInt32BE(at + 1) + 1;
      if (kind === COPY_DATA) {
        this.#missing = length - HEAD_BYTES;
        at += HEAD_BYTES;
      } else if (kind === COPY_OUT_RESPONSE || ASIDES.has(kind as number)) {
        if (bytes.length - at < length) break;
        if (kind !== COPY_OUT_RESPONSE) this.#driver?.(bytes.subarray(at, at + length));
        at += length;
      } else {
        this.#give(bytes.subarray(0, kept));
        this.#giveBack(bytes.subarray(at));
        return;
      }
    }
    this.#begun = bytes.subarray(at);
    this.#give(bytes.subarray(0, kept));
  };

  /** Reading goes on while a chunk is taken, and waits when there is another. */
  #give(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const before = this.#taking;
    if (before !== null) this.#stream?.pause();
    const taking = before === null ? this.#takeNow(chunk) : before.then(() => this.#take(chunk));
    if (taking === undefined) return;
    this.#taking = taking;
    taking.then(
      () => {
        if (this.#taking !== taking) return;
        this.#taking = null;
        this.#stream?.resume();
      },
      (error: unknown) => this.#settle.reject(error),
    );
  }

  #takeNow(chunk: Buffer): Promise<void> | undefined {
    try {
      return this.#take(chunk) ?? undefined;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #whenTaken(then: () => void): void {
    if (this.#taking === null) then();
    // Also if it wasn't taken: then that was told first.
    else this.#taking.then(then, then);
  }

  /** From here on the driver reads again. */
  #giveBack(rest: Buffer): void {
    const driver = this.#driver;
    if (driver === null) return;
    this.#driver = null;
    this.#stream?.off("data", this.#read);
    this.#stream?.on("data", driver);
    driver(rest);
  }
}
