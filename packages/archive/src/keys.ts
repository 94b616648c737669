import { createCipheriv, createDecipheriv, createHmac, hash, hkdfSync, randomBytes } from "node:crypto";
import { ArchiveError } from "./archive-error.ts";

export interface ArchiveKeys {
  /** The archive's own, 32 bytes; null to leave it open. */
  readonly dataKey: Buffer | null;
  /** The installation's `BACKUP_KEY`, 32 bytes; null for an archive without a signature. */
  readonly backupKey: Buffer | null;
}

export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a wrapped data key comes to: nonce, ciphertext, tag. */
export const WRAPPED_KEY_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/** A key for one archive. Who destroys it (and what it was wrapped into) destroys the archive. */
export function newDataKey(): Buffer {
  return randomBytes(KEY_BYTES);
}

/** Names a `BACKUP_KEY` without telling it: the first 16 hexadecimal digits of its SHA-256. */
export function backupKeyId(backupKey: Buffer): string {
  return hash("sha256", backupKey, "hex").slice(0, 16);
}

/** The data key as it may lie beside its archive: 60 bytes, of use only with `backupKey` and for this archive. */
export function wrapKey(dataKey: Buffer, backupKey: Buffer, archiveId: string): Buffer {
  return encrypt(derive(backupKey, WRAPPING), dataKey, archiveId);
}

/** @throws ArchiveError of kind `wrong-key`: wrapped by another key, for another archive, or damaged. */
export function unwrapKey(wrapped: Buffer, backupKey: Buffer, archiveId: string): Buffer {
  const key =
    wrapped.length === WRAPPED_KEY_BYTES && decrypt(derive(backupKey, WRAPPING), wrapped, archiveId);
  if (!key) throw new ArchiveError("wrong-key", `archive ${archiveId}: its key can't be unwrapped`);
  return key;
}

/** HMAC-SHA-256 of an archive's sums, 32 bytes. */
export function sign(sums: Buffer, backupKey: Buffer): Buffer {
  return createHmac("sha256", derive(backupKey, SIGNING)).update(sums).digest();
}

/** AES-256-GCM: 12 bytes of nonce, the ciphertext, 16 bytes of tag. `context` is authenticated with it. */
export function encrypt(key: Buffer, plain: Buffer, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Null for what wasn't encrypted under this key and for this context, or was changed since. */
export function decrypt(key: Buffer, sealed: Buffer, context: string): Buffer | null {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return null;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const plain = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    return null;
  }
}

// One key for each use, so that nothing made for one is of any worth for the other.
const WRAPPING = "tenantry backup: wrapping of data keys";
const SIGNING = "tenantry backup: signature";

function derive(backupKey: Buffer, use: string): Buffer {
  return Buffer.from(hkdfSync("sha256", backupKey, Buffer.alloc(0), use, KEY_BYTES));
}
