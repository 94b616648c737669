import { hash, timingSafeEqual } from "node:crypto";
import type { SnapshotFigures } from "@tenantry/schema";
import type { ArchiveHeader } from "./archive.ts";
import { ArchiveError } from "./archive-error.ts";
import type { ArchivedContents } from "./archive-sink.ts";
import { backupKeyId, sign, unwrapKey, WRAPPED_KEY_BYTES } from "./keys.ts";
import { type Sealing, sealedName, TEXT_BYTES, unpack, unseal } from "./member-content.ts";
import * as names from "./member-names.ts";
import { parseContents, parseFigures, parseHeader } from "./shapes.ts";
import type { Member, TarReader } from "./tar.ts";

/** What makes an encrypted archive readable, and a signed one known. */
export interface ReadingKeys {
  /** As it lies beside the archive. Null where there is none, or the archive carries it. */
  readonly wrappedKey: Buffer | null;
  readonly backupKey: Buffer | null;
}

/** A part of a table's rows as the first reading has seen it. */
export interface SeenPart {
  /** In the tar. */
  readonly name: string;
  readonly table: number;
  /** SHA-256 of the member, hex. */
  readonly sha256: string;
}

export interface Inspected {
  readonly header: ArchiveHeader;
  readonly sealing: Sealing;
  readonly contents: ArchivedContents;
  readonly before: string;
  readonly after: string;
  readonly figures: SnapshotFigures;
  readonly parts: readonly SeenPart[];
  readonly signed: boolean;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Reads an archive from its first byte to its last, and decompresses all but the rows.
 *
 * @throws ArchiveError; the source's own errors.
 */
export async function inspectArchive(reader: TarReader, keys: ReadingKeys): Promise<Inspected> {
  let first = await nextMember(reader);
  let carriedKey: Buffer | null = null;
  if (first.name === names.KEY) {
    if (first.content.length !== WRAPPED_KEY_BYTES || first.modified !== 0) throw misplaced(first);
    carriedKey = first.content;
    reader.forget();
    first = await nextMember(reader);
  }
  if (first.name !== names.HEADER) throw misplaced(first);
  const header = parseHeader(first.content);
  if (first.modified !== Math.floor(Date.parse(header.takenAt) / 1000)) throw misplaced(first);
  const encrypted = header.encryption !== null;
  const dataKey = dataKeyOf(header, { ...keys, wrappedKey: keys.wrappedKey ?? carriedKey });
  const sealing: Sealing = { archiveId: header.id, dataKey };

  const sums = [sumOf(first)];
  const next = async (): Promise<Member> => {
    const member = await nextMember(reader);
    if (member.modified !== first.modified) throw misplaced(member);
    return member;
  };
  const text = async (plain: string, member: Member): Promise<Buffer> => {
    if (member.name !== sealedName(plain, encrypted)) throw misplaced(member);
    sums.push(sumOf(member));
    return await unpack(plain, unseal(sealing, plain, member.content), TEXT_BYTES);
  };

  const contents = parseContents(await text(names.CONTENTS, await next()), header.kind);
  const before = (await text(names.BEFORE, await next())).toString();
  const after = (await text(names.AFTER, await next())).toString();
  const parts: SeenPart[] = [];
  let member = await next();
  for (let last = { table: -1, part: -1 }; member.name !== sealedName(names.FIGURES, encrypted); ) {
    const plain = encrypted ? member.name.replace(/\.enc$/, "") : member.name;
    const place = names.parsePartName(plain);
    const follows =
      place !== null &&
      place.table < contents.tables.length &&
      (place.table === last.table
        ? place.part === last.part + 1
        : place.table > last.table && place.part === 0);
    if (!follows || sealedName(plain, encrypted) !== member.name) throw misplaced(member);
    unseal(sealing, plain, member.content);
    const sha256 = hash("sha256", member.content, "hex");
    sums.push(names.sumLine(member.name, sha256));
    parts.push({ name: member.name, table: place.table, sha256 });
    last = place;
    member = await next();
  }
  const figures = parseFigures(await text(names.FIGURES, member));
  checkFigures(figures, contents, parts);

  const list = await next();
  if (list.name !== names.SUMS) throw misplaced(list);
  if (list.content.toString("latin1") !== sums.join("")) {
    throw new ArchiveError("corrupt", "the archive's members don't have the sums that it says");
  }
  let signed = false;
  let end = await reader.next();
  if (end?.name === names.SIGNATURE && end.modified === first.modified) {
    signed = isSignedBy(keys.backupKey, list.content, end.content);
    end = await reader.next();
  } else if (encrypted) {
    throw new ArchiveError("not-signed", `archive ${header.id} is encrypted and not signed`);
  }
  if (end !== null) throw misplaced(end);
  return { header, sealing, contents, before, after, figures, parts, signed, ...reader.summary() };
}

function dataKeyOf({ id, encryption }: ArchiveHeader, { wrappedKey, backupKey }: ReadingKeys): Buffer | null {
  if (encryption === null) return null;
  if (backupKey === null)
    throw new ArchiveError("no-key", `archive ${id} is encrypted: BACKUP_KEY is missing`);
  if (encryption.keyId !== backupKeyId(backupKey)) {
    throw new ArchiveError("wrong-key", `archive ${id} was made under BACKUP_KEY ${encryption.keyId}`);
  }
  if (wrappedKey === null)
    throw new ArchiveError("no-key", `archive ${id} is encrypted: its own key is gone`);
  return unwrapKey(wrappedKey, backupKey, id);
}

/** @throws ArchiveError for a signature that is none, or another's. */
function isSignedBy(backupKey: Buffer | null, list: Buffer, content: Buffer): boolean {
  const text = content.toString("latin1");
  const match = /^HMAC-SHA256 ([0-9a-f]{16}) ([0-9a-f]{64})\n$/.exec(text);
  if (match === null) throw new ArchiveError("corrupt", "the archive's signature isn't one");
  if (backupKey === null) return false;
  const keyId = backupKeyId(backupKey);
  if (match[1] !== keyId) {
    throw new ArchiveError("wrong-key", `the archive was signed with BACKUP_KEY ${match[1]}`);
  }
  const expected = Buffer.from(names.signatureText(keyId, sign(list, backupKey)));
  if (!timingSafeEqual(expected, content)) {
    throw new ArchiveError("corrupt", "the archive isn't what was signed");
  }
  return true;
}

function checkFigures(
  figures: SnapshotFigures,
  contents: ArchivedContents,
  parts: readonly SeenPart[],
): void {
  const filled = new Set(parts.map(({ table }) => table));
  const fits = figures.tables.every(({ bytes }, table) => bytes > 0 === filled.has(table));
  if (!fits || figures.tables.length !== contents.tables.length) {
    throw new ArchiveError("corrupt", "the archive's figures don't fit its tables");
  }
}

async function nextMember(reader: TarReader): Promise<Member> {
  const member = await reader.next();
  if (member === null) throw new ArchiveError("corrupt", "the archive ends before its end");
  return member;
}

function sumOf({ name, content }: Member): string {
  return names.sumLine(name, hash("sha256", content, "hex"));
}

function misplaced({ name }: Member): ArchiveError {
  return new ArchiveError("corrupt", `${name} isn't what belongs in its place`);
}
