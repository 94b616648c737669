import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { TenancyContext } from "../context.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A sealed URL was changed, belongs to another placement, or was sealed under another installation's secret. */
export class SealedUrlError extends Error {
  override readonly name = "SealedUrlError";
}

/**
 * A placement's connection URL, which holds a password, as the control data keeps it: a nonce of 12 bytes, the
 * AES-256-GCM ciphertext, a tag of 16 bytes, under a key derived from the installation's secret. It opens for the
 * placement of that name alone, so that a row's URL can't be put into another row.
 */
export function sealUrl(ctx: Pick<TenancyContext, "secret">, placement: string, url: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", sealingKey(ctx), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(placement, "utf8"));
  return Buffer.concat([nonce, cipher.update(url, "utf8"), cipher.final(), cipher.getAuthTag()]);
}

/**
 * What `sealUrl` sealed for this placement.
 *
 * @throws SealedUrlError, which tells nothing of the URL.
 */
export function unsealUrl(ctx: Pick<TenancyContext, "secret">, placement: string, sealed: Buffer): string {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw refused(placement);
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", sealingKey(ctx), nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(placement, "utf8"));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const opened = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([opened, decipher.final()]).toString("utf8");
  } catch {
    throw refused(placement);
  }
}

function sealingKey(ctx: Pick<TenancyContext, "secret">): Buffer {
  return Buffer.from(hkdfSync("sha256", ctx.secret, "", "tenantry placement url", 32));
}

function refused(placement: string): SealedUrlError {
  return new SealedUrlError(`the stored address of placement ${placement} can't be read`);
}
