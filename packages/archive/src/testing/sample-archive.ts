import { createHash, hash } from "node:crypto";
import { Readable } from "node:stream";
import type { SnapshotContents, SnapshotFigures } from "@tenantry/schema";
import type { ArchiveHeader, ArchiveSubject, OpenArchive } from "../archive.ts";
import { archiveSink } from "../archive-sink.ts";
import { type ArchiveKeys, backupKeyId } from "../keys.ts";
import type { ArchiveFile } from "../open-archive.ts";

export const BACKUP_KEY: Buffer = Buffer.alloc(32, "our backup key");
export const OTHER_KEY: Buffer = Buffer.alloc(32, "another backup key");
export const ARCHIVE_ID = "01900000-0000-7000-8000-00000000000a";

export interface Sample {
  readonly header: Omit<ArchiveHeader, "format">;
  readonly subject: ArchiveSubject;
  readonly contents: SnapshotContents;
  readonly figures: SnapshotFigures;
  /** COPY text by tables. */
  readonly texts: readonly Buffer[];
}

/** A tenant's snapshot whose tables hold these COPY texts. */
export function sampleOf(texts: readonly Buffer[], changes: Partial<Sample["header"]> = {}): Sample {
  return {
    header: {
      id: ARCHIVE_ID,
      kind: "tenant",
      takenAt: "2026-03-04T05:06:07.890Z",
      tool: "tenantry test",
      installationId: "01900000-0000-7000-8000-000000000001",
      encryption: null,
      ...changes,
    },
    subject: {
      license: {
        id: "01900000-0000-7000-8000-000000000002",
        key: "AAAA-BBBB-CCCC-DDDD",
        blueprint: "erp",
        client_name: "شركة",
      },
      tenant: {
        id: "01900000-0000-7000-8000-000000000003",
        schema: "tenant_aaaa",
        role: "tenant_aaaa",
        blueprint: "erp",
        version: "0007-x",
        placement: "default",
      },
    },
    contents: {
      schema: 'tenant "a"',
      server: 180004,
      snapshot: "10:20:",
      takenAt: "2026-03-04T05:06:07.890Z",
      ledger: ["0001-a"],
      tables: texts.map((_, index) => ({ name: `table "${index}"`, columns: ["id", 'no"te'] })),
      before: texts
        .map((_, index) => `CREATE TABLE "table ""${index}""" (id bigint, "no""te" text);\n`)
        .join(""),
      after: texts.map((_, index) => `ALTER TABLE "table ""${index}""" ADD PRIMARY KEY (id);\n`).join(""),
      fingerprint: hash("sha256", "structure", "hex"),
    },
    figures: {
      tables: texts.map((text) => ({
        rows: linesOf(text),
        bytes: text.length,
        sha256: hash("sha256", text, "hex"),
      })),
      sequences: [{ name: "a'seq", lastValue: "9223372036854775807", isCalled: true }],
    },
    texts,
  };
}

/** The archive that a sample makes. With a data key, the header says so. */
export async function archiveOf(sample: Sample, keys: ArchiveKeys, chunkBytes = 100_000): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const sink = archiveSink({
    header: { ...sample.header, encryption: encryptionOf(keys) },
    subject: sample.subject,
    keys,
    write: async (chunk) => {
      chunks.push(chunk);
    },
  });
  await sink.begin(sample.contents);
  for (const [table, text] of sample.texts.entries()) {
    for (let from = 0; from < text.length; from += chunkBytes) {
      await sink.rows(table, Buffer.from(text.subarray(from, from + chunkBytes)));
    }
  }
  await sink.end(sample.figures);
  return Buffer.concat(chunks);
}

export function encryptionOf({ dataKey, backupKey }: ArchiveKeys): ArchiveHeader["encryption"] {
  if (dataKey === null || backupKey === null) return null;
  return { algorithm: "AES-256-GCM", keyId: backupKeyId(backupKey) };
}

/** A file that comes in chunks of an odd size. */
export function fileOf(content: Buffer, chunkBytes = 65_537): ArchiveFile {
  function* chunks(): Generator<Buffer> {
    for (let from = 0; from < content.length; from += chunkBytes) {
      yield content.subarray(from, from + chunkBytes);
    }
  }
  return { read: async () => Readable.from(chunks(), { objectMode: false }) };
}

/** Reads all rows, as a restore does. SHA-256 of each table's text. */
export async function readAll(archive: OpenArchive): Promise<string[]> {
  const hashes = archive.contents.tables.map(() => createHash("sha256"));
  for await (const { table, chunk } of archive.rows()) hashes[table]?.update(chunk);
  return hashes.map((each) => each.digest("hex"));
}

/** So many bytes of rows, or a few more. */
export function rowsText(bytes: number, seed = 1): Buffer {
  const line = (id: number): string => `${id}\tnote ${(id * 7919 * seed) % 10_007} شركة \\N \\\\.\n`;
  const block = Buffer.from(Array.from({ length: Math.min(bytes, 2000) }, (_, id) => line(id)).join(""));
  return Buffer.concat(Array.from({ length: Math.ceil(bytes / block.length) }, () => block));
}

function linesOf(text: Buffer): number {
  let count = 0;
  for (let at = text.indexOf(10); at >= 0; at = text.indexOf(10, at + 1)) count += 1;
  return count;
}
