import { createHash, hash } from "node:crypto";
import type { SnapshotChunk } from "@tenantry/schema";
import { ArchiveError } from "./archive-error.ts";
import type { Inspected } from "./inspect-archive.ts";
import { PART_BYTES, unpack, unseal } from "./member-content.ts";
import type { ArchiveFile } from "./open-archive.ts";
import { TarReader } from "./tar.ts";

/** Parts that are decompressed while one is used. */
const PARTS_AHEAD = 3;

type Seen = Pick<Inspected, "figures" | "parts" | "sealing" | "signed">;

/**
 * An archive's rows, a part after the other.
 *
 * @throws ArchiveError of kind `corrupt` where the file isn't what was seen, or its rows aren't what its figures say;
 *   what reading the file throws.
 */
export async function* readRows(file: ArchiveFile, seen: Seen): AsyncGenerator<SnapshotChunk> {
  const reader = new TarReader(await file.read());
  const counter = new TableCounter(seen);
  const ahead: { table: number; text: Promise<Buffer> }[] = [];
  async function* settle(left: number): AsyncGenerator<SnapshotChunk> {
    while (ahead.length > left) {
      const { table, text } = ahead.shift() as (typeof ahead)[number];
      const chunk = await text;
      counter.see(table, chunk);
      yield { table, chunk };
    }
  }
  try {
    for (const part of seen.parts) {
      const content = await findMember(reader, part.name);
      if (hash("sha256", content, "hex") !== part.sha256) {
        throw new ArchiveError("corrupt", `${part.name} has changed since it was checked`);
      }
      const plain = part.name.replace(/\.enc$/, "");
      const text = unpack(plain, unseal(seen.sealing, plain, content), PART_BYTES);
      // Waited for later; until then nobody may take a failure for one that nobody looks after.
      text.catch(() => undefined);
      ahead.push({ table: part.table, text });
      yield* settle(PARTS_AHEAD);
    }
    yield* settle(0);
    counter.end();
  } finally {
    await reader.close();
  }
}

async function findMember(reader: TarReader, name: string): Promise<Buffer> {
  for (let member = await reader.next(); member !== null; member = await reader.next()) {
    if (member.name === name) return member.content;
  }
  throw new ArchiveError("corrupt", `${name} has gone since the archive was checked`);
}

/** Compares each table's text with its figures as soon as it is complete. */
class TableCounter {
  readonly #figures: Seen["figures"];
  readonly #signed: boolean;
  #table = 0;
  #bytes = 0;
  #hash = createHash("sha256");

  constructor({ figures, signed }: Seen) {
    this.#figures = figures;
    this.#signed = signed;
  }

  see(table: number, chunk: Buffer): void {
    while (this.#table < table) this.#complete();
    this.#bytes += chunk.length;
    // A signature covers each part already, and this hash costs more than decompressing.
    if (!this.#signed) this.#hash.update(chunk);
  }

  end(): void {
    while (this.#table < this.#figures.tables.length) this.#complete();
  }

  #complete(): void {
    const expected = this.#figures.tables[this.#table];
    const same =
      expected?.bytes === this.#bytes && (this.#signed || expected.sha256 === this.#hash.digest("hex"));
    if (!same)
      throw new ArchiveError("corrupt", `the rows of table ${this.#table + 1} aren't what figures say`);
    this.#table += 1;
    this.#bytes = 0;
    this.#hash = createHash("sha256");
  }
}
