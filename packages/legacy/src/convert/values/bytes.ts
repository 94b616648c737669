import { type Converter, EMPTY, wrongKind } from "./value.ts";

/** As PostgreSQL prints `bytea`: `\x` and hex. */
export function bytesText(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;
}

/** Blobs, and text as its UTF-8 bytes. */
export const bytesConverter: Converter = (value) => {
  if (value instanceof Uint8Array) return bytesText(value);
  if (typeof value !== "string") return wrongKind(value, "a blob");
  return value === "" ? EMPTY : bytesText(Buffer.from(value));
};
