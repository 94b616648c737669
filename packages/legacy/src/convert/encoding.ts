import { isUtf8 } from "node:buffer";
import type { DatabaseSync } from "node:sqlite";

/** The byte order of a file's texts; null for UTF-8. */
export type Utf16 = "le" | "be" | null;

/** SQLite's `PRAGMA encoding`: what the bytes of a text are. */
export function utf16Of(db: DatabaseSync): Utf16 {
  const encoding = String(db.prepare("PRAGMA encoding").get()?.encoding).toLowerCase();
  if (!encoding.startsWith("utf-16")) return null;
  return encoding.endsWith("be") ? "be" : "le";
}

/** True of bytes that are a text in the file's encoding. */
export function isWellEncoded(bytes: Uint8Array, utf16: Utf16): boolean {
  if (utf16 === null) return isUtf8(bytes);
  try {
    new TextDecoder(`utf-16${utf16}`, { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
