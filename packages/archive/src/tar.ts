import { createHash } from "node:crypto";
import { ArchiveError } from "./archive-error.ts";

/** One file of an archive. */
export interface Member {
  readonly name: string;
  readonly content: Buffer;
  /** Seconds since 1970. */
  readonly modified: number;
}

const BLOCK = 512;
const NAME_BYTES = 100;

/** What a member is at most: a reader holds each whole in memory. */
export const MAX_MEMBER_BYTES = 256 * 1024 * 1024;

/** What ends a tar. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK);

/** A member as it lies in a tar: header, content, zeros up to the next multiple of 512. */
export function tarMember({ name, content, modified }: Member): Buffer {
  if (content.length > MAX_MEMBER_BYTES) throw new RangeError(`${name} is too large for an archive`);
  return Buffer.concat([
    header(name, content.length, modified),
    content,
    Buffer.alloc(padding(content.length)),
  ]);
}

/** POSIX ustar: a plain file of nobody's. */
function header(name: string, size: number, modified: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(name) > NAME_BYTES) throw new RangeError(`${name} is too long for an archive`);
  block.write(name, 0);
  block.write("0000600\0", 100);
  block.write("0000000\0", 108);
  block.write("0000000\0", 116);
  block.write(`${octal(size)}\0`, 124);
  block.write(`${octal(modified)}\0`, 136);
  block.write("        0", 148);
  block.write("ustar\u000000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function octal(value: number): string {
  return value.toString(8).padStart(11, "0");
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** Reads a tar as `tarMember` and `TAR_END` make it, and nothing else: each byte of it is accounted for. */
export class TarReader {
  readonly #source: AsyncIterator<Buffer>;
  #hash = createHash("sha256");
  #chunks: Buffer[] = [];
  #held = 0;
  #bytes = 0;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /**
   * The next member, or null at the end.
   *
   * @throws ArchiveError of kind `corrupt`; the source's own errors.
   */
  async next(): Promise<Member | null> {
    const block = await this.#take(BLOCK);
    if (block.every((byte) => byte === 0)) {
      await this.#expectEnd();
      return null;
    }
    const end = block.subarray(0, NAME_BYTES).indexOf(0);
    const name = block.toString("latin1", 0, end < 0 ? NAME_BYTES : end);
    const size = Number.parseInt(block.toString("latin1", 124, 135), 8);
    const modified = Number.parseInt(block.toString("latin1", 136, 147), 8);
    if (!/^[\w./-]+$/.test(name) || !(size <= MAX_MEMBER_BYTES) || !(modified >= 0)) throw broken();
    // Whatever this format leaves free must be as we write it: so no byte of a header can differ unseen.
    if (!header(name, size, modified).equals(block)) throw broken();
    const content = await this.#take(size);
    if ((await this.#take(padding(size))).some((byte) => byte !== 0)) throw broken();
    return { name, content, modified };
  }

  /** What was read, since the beginning or `forget`. */
  summary(): { bytes: number; sha256: string } {
    return { bytes: this.#bytes, sha256: this.#hash.copy().digest("hex") };
  }

  /** Takes what comes next for the beginning. */
  forget(): void {
    this.#hash = createHash("sha256");
    this.#bytes = 0;
  }

  /** Puts the source's resources back, read to the end or not. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #expectEnd(): Promise<void> {
    if ((await this.#take(BLOCK)).some((byte) => byte !== 0)) throw broken();
    if (this.#held > 0) throw broken();
    for (let next = await this.#source.next(); next.done !== true; next = await this.#source.next()) {
      if (next.value.length > 0) throw broken();
    }
  }

  async #take(size: number): Promise<Buffer> {
    while (this.#held < size) {
      const next = await this.#source.next();
      if (next.done === true) throw new ArchiveError("corrupt", "the archive ends before its end");
      this.#chunks.push(next.value);
      this.#held += next.value.length;
    }
    const parts: Buffer[] = [];
    for (let missing = size; missing > 0; ) {
      const first = this.#chunks[0] as Buffer;
      const part = first.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      if (part.length === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(part.length);
    }
    this.#held -= size;
    this.#bytes += size;
    const taken = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, size);
    this.#hash.update(taken);
    return taken;
  }
}

function broken(): ArchiveError {
  return new ArchiveError("corrupt", "the archive is no tar as Tenantry writes it");
}
