import { createHash, hash } from "node:crypto";
import type { SnapshotContents, SnapshotFigures, SnapshotSink } from "@tenantry/schema";
import { ARCHIVE_FORMAT, type ArchiveHeader, type ArchiveSubject } from "./archive.ts";
import { type ArchiveKeys, backupKeyId, sign } from "./keys.ts";
import { PART_BYTES, type Sealing, seal, sealedName, TEXT_BYTES } from "./member-content.ts";
import {
  AFTER,
  BEFORE,
  CONTENTS,
  FIGURES,
  HEADER,
  partName,
  SIGNATURE,
  SUMS,
  signatureText,
  sumLine,
} from "./member-names.ts";
import { TAR_END, tarMember } from "./tar.ts";

export interface ArchiveSinkInput {
  readonly header: Omit<ArchiveHeader, "format">;
  readonly subject: ArchiveSubject;
  readonly keys: ArchiveKeys;
  /** Takes the archive's bytes in their order. Waited for, so a slow store holds the snapshot up. */
  readonly write: (chunk: Buffer) => Promise<void>;
}

export interface ArchiveSink extends SnapshotSink {
  /** Of the archive as it was written; whole once `end` has been waited for. */
  readonly summary: () => { bytes: number; sha256: string };
}

/** Parts that are compressed while others are read and written. With the one being filled, this many times 2 MB. */
const PARTS_AHEAD = 3;

/**
 * Writes a snapshot as an archive: see `docs/backup-format.md`. Memory is the same for tenants of any size, but for 100
 * bytes for each part of 2 MB. Rows lie in the order they come in; their table is its place in the contents, from 0.
 *
 * What is given must agree with itself (a header that says "encrypted" and a key, rows of tables in order, figures that
 * fit the rows): a snapshot that doesn't is an error of its maker's and throws as such. So does what `write` throws.
 */
export function archiveSink({ header, subject, keys, write }: ArchiveSinkInput): ArchiveSink {
  checkKeys(header, keys);
  const sealing: Sealing = { archiveId: header.id, dataKey: keys.dataKey };
  const modified = Math.floor(Date.parse(header.takenAt) / 1000);
  const total = createHash("sha256");
  const sums: string[] = [];
  const pending: { name: string; content: Promise<Buffer> }[] = [];
  const spare: Buffer[] = [];
  const given: number[] = [];
  let bytes = 0;
  let table = 0;
  let part = 0;
  let filling: Buffer | null = null;
  let filled = 0;

  const writeOut = async (chunk: Buffer): Promise<void> => {
    total.update(chunk);
    bytes += chunk.length;
    await write(chunk);
  };
  const writeMember = async (name: string, content: Buffer): Promise<void> => {
    sums.push(sumLine(name, hash("sha256", content, "hex")));
    await writeOut(tarMember({ name, content, modified }));
  };
  const settle = async (left: number): Promise<void> => {
    while (pending.length > left) {
      const { name, content } = pending.shift() as (typeof pending)[number];
      await writeMember(name, await content);
    }
  };
  const start = (plain: string, text: Buffer): Promise<Buffer> => {
    if (text.length > TEXT_BYTES) throw new RangeError(`${plain} is too large for an archive`);
    const content = seal(sealing, plain, text);
    // Waited for later; until then nobody may take a failure for one that nobody looks after.
    content.catch(() => undefined);
    pending.push({ name: sealedName(plain, sealing.dataKey !== null), content });
    return content;
  };
  const flush = async (): Promise<void> => {
    if (filling === null || filled === 0) return;
    const buffer = filling;
    const content = start(partName(table, part), buffer.subarray(0, filled));
    content.then(
      () => spare.push(buffer),
      () => undefined,
    );
    part += 1;
    filling = null;
    filled = 0;
    await settle(PARTS_AHEAD);
  };

  return {
    begin: async (contents) => {
      await writeMember(HEADER, json({ format: ARCHIVE_FORMAT, ...header }));
      const { before, after, ...rest } = contents;
      given.push(...contents.tables.map(() => 0));
      start(CONTENTS, json({ ...subject, ...rest } satisfies ArchivedContents));
      start(BEFORE, Buffer.from(before));
      start(AFTER, Buffer.from(after));
      await settle(0);
    },
    rows: async (of, chunk) => {
      if (of !== table) {
        if (of < table || of >= given.length)
          throw new RangeError(`rows of table ${of} after those of ${table}`);
        await flush();
        table = of;
        part = 0;
      }
      given[of] = (given[of] ?? 0) + chunk.length;
      for (let from = 0; from < chunk.length; ) {
        filling ??= spare.pop() ?? Buffer.allocUnsafeSlow(PART_BYTES);
        const copied = chunk.copy(filling, filled, from);
        filled += copied;
        from += copied;
        if (filled === PART_BYTES) await flush();
      }
    },
    end: async (figures) => {
      await flush();
      const wrong = given.findIndex((size, index) => figures.tables[index]?.bytes !== size);
      if (wrong >= 0 || figures.tables.length !== given.length) {
        throw new RangeError(`figures don't fit the rows of table ${wrong}`);
      }
      start(
        FIGURES,
        json({ tables: figures.tables, sequences: figures.sequences } satisfies SnapshotFigures),
      );
      await settle(0);
      const list = Buffer.from(sums.join(""));
      await writeMember(SUMS, list);
      if (keys.backupKey !== null) {
        const text = signatureText(backupKeyId(keys.backupKey), sign(list, keys.backupKey));
        await writeMember(SIGNATURE, Buffer.from(text));
      }
      await writeOut(TAR_END);
    },
    summary: () => ({ bytes, sha256: total.copy().digest("hex") }),
  };
}

/** What `contents.json` holds. */
export type ArchivedContents = ArchiveSubject & Omit<SnapshotContents, "before" | "after">;

function json(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
}

function checkKeys(header: ArchiveSinkInput["header"], { dataKey, backupKey }: ArchiveKeys): void {
  const keyId = backupKey === null ? null : backupKeyId(backupKey);
  const fits =
    header.encryption === null ? dataKey === null : dataKey !== null && header.encryption.keyId === keyId;
  if (!fits) throw new RangeError("the archive's header doesn't fit its keys");
}
