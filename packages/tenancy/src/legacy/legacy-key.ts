import { createHmac } from "node:crypto";
import type { TenancyContext } from "../context.ts";
import { formatLicenseKey, normalizeLicenseKey } from "../license-key.ts";

/** The column's width, in characters. */
export const MAX_KEY_LENGTH = 64;

export interface LegacyKey {
  readonly key: string;
  /** What somebody should know of how it came about; null for a key that is the source's to the letter. */
  readonly note: string | null;
}

/**
 * The key that a legacy license has here. It is the source's own, whatever its form, but in capitals: that is how a key
 * is looked up when somebody signs in or asks for a license, so the old spelling finds it as well. One with other than
 * printable characters would be found by nobody; see `keyFault`.
 *
 * A license without a key gets one that follows from the installation's secret, the system, the source's folder and the
 * license's name in it: the same each time, so that a second run finds what the first has moved.
 */
export function legacyKey(
  ctx: Pick<TenancyContext, "secret">,
  system: string,
  root: string,
  license: { readonly name: string; readonly key: string | null },
): LegacyKey {
  if (license.key === null) {
    return {
      key: derivedLicenseKey(ctx.secret, system, root, license.name),
      note: "It has no license key in the source; this one was made for it.",
    };
  }
  const key = normalizeLicenseKey(license.key);
  return {
    key,
    note: key === license.key ? null : "Its license key is kept in capitals; the old spelling finds it too.",
  };
}

function derivedLicenseKey(secret: Buffer, system: string, root: string, name: string): string {
  const hmac = createHmac("sha256", secret).update("legacy-license-key");
  for (const part of [system, root, name]) hmac.update("\0").update(part);
  return formatLicenseKey(hmac.digest());
}

/** What is wrong with a key as a key; null when it can be one. */
export function keyFault(key: string): string | null {
  if (key === "") return "its license key is blank";
  if ([...key].length > MAX_KEY_LENGTH) return `its license key has more than ${MAX_KEY_LENGTH} characters`;
  if (!key.isWellFormed() || /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(key)) {
    return "its license key holds characters that can't be printed";
  }
  return null;
}
