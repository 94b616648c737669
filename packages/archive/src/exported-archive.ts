import { WRAPPED_KEY_BYTES } from "./keys.ts";
import { KEY } from "./member-names.ts";
import { tarMember } from "./tar.ts";

/** Bytes that an exported archive has before the stored one. */
export const KEY_MEMBER_BYTES = 1024;

/** An archive as it leaves the store: what is stored, with its wrapped key before it as one more member of the tar. */
export async function* exportedArchive(
  stored: AsyncIterable<Buffer>,
  wrappedKey: Buffer | null,
): AsyncGenerator<Buffer> {
  if (wrappedKey !== null) yield tarMember({ name: KEY, content: wrappedKey, modified: 0 });
  yield* stored;
}

/** What an archive that comes from elsewhere is stored as. */
export interface SplitArchive {
  readonly wrappedKey: Buffer | null;
  /** What `exportedArchive` was given, to be read once. Nothing of it was checked. */
  readonly stored: AsyncIterable<Buffer>;
}

/** Undoes `exportedArchive`. @throws what `exported` throws. */
export async function splitExported(exported: AsyncIterable<Buffer>): Promise<SplitArchive> {
  const source = exported[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  while (start.length < KEY_MEMBER_BYTES) {
    const next = await source.next();
    if (next.done === true) break;
    start = Buffer.concat([start, next.value]);
  }
  const content = start.subarray(KEY_MEMBER_BYTES / 2, KEY_MEMBER_BYTES / 2 + WRAPPED_KEY_BYTES);
  const carries =
    content.length === WRAPPED_KEY_BYTES &&
    tarMember({ name: KEY, content, modified: 0 }).equals(start.subarray(0, KEY_MEMBER_BYTES));
  const rest = carries ? start.subarray(KEY_MEMBER_BYTES) : start;
  async function* stored(): AsyncGenerator<Buffer> {
    try {
      if (rest.length > 0) yield rest;
      for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
    } finally {
      await source.return?.();
    }
  }
  return { wrappedKey: carries ? Buffer.from(content) : null, stored: stored() };
}
