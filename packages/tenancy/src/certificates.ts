import { randomUUIDv7, sign } from "node:crypto";
import { takeSigningKey } from "./certificate-keys.ts";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import { normalizeLicenseKey } from "./license-key.ts";
import { type License, type LicenseRow, toLicense } from "./license-view.ts";
import { assertUsable } from "./sign-in.ts";

/** Days that a certificate is valid, unless its license ends before. */
export const CERTIFICATE_DAYS = 30;
const CERTIFICATE_MS = CERTIFICATE_DAYS * 86_400_000;

/** Tells this kind of token from every other that somebody may sign with the same key (RFC 8725, section 3.11). */
const TYPE = "tenantry-license+jwt";

/** The license file. Nothing in it is outside the signature, so that nobody reads what isn't certified. */
export interface LicenseFile {
  /** A JWS in compact form (RFC 7515), signed with Ed25519; its payload are `CertificateClaims`. */
  readonly certificate: string;
}

/** What a certificate says, under JWT's names (RFC 7519) where it has one; its times are seconds since 1970. */
export interface CertificateClaims {
  readonly iss: "tenantry";
  /** The license key. */
  readonly sub: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly license: Omit<License, "email" | "phone" | "notes" | "suspensionReason">;
}

export interface IssuedCertificate {
  readonly file: LicenseFile;
  readonly claims: CertificateClaims;
  readonly keyId: string;
}

/**
 * A signed license file, with which an application that can't reach Tenantry checks its license.
 * It can't be taken back, so it is short: 30 days, or until the license ends.
 *
 * @throws TenancyError LICENSE_NOT_FOUND; LICENSE_INACTIVE, LICENSE_SUSPENDED, LICENSE_EXPIRED.
 */
export async function issueCertificate(ctx: TenancyContext, key: string): Promise<IssuedCertificate> {
  const license = await ctx.control
    .selectFrom("licenses")
    .selectAll()
    .where("key", "=", normalizeLicenseKey(key))
    .executeTakeFirst();
  if (license === undefined) {
    throw new TenancyError("LICENSE_NOT_FOUND", "There is no license with that key.");
  }
  assertUsable(license);
  const now = new Date();
  const claims = claimsOf(license, now);
  const { id, privateKey } = await takeSigningKey(ctx, new Date(claims.exp * 1000));
  const signed = `${encode({ alg: "EdDSA", typ: TYPE, kid: id })}.${encode(claims)}`;
  const signature = sign(null, Buffer.from(signed), privateKey).toString("base64url");
  return { file: { certificate: `${signed}.${signature}` }, claims, keyId: id };
}

function claimsOf(row: LicenseRow, now: Date): CertificateClaims {
  const { email, phone, notes, suspensionReason, ...license } = toLicense(row, now);
  const latest = now.getTime() + CERTIFICATE_MS;
  const end = Math.min(latest, row.expires_at?.getTime() ?? latest);
  return {
    iss: "tenantry",
    sub: row.key,
    jti: randomUUIDv7(),
    iat: Math.floor(now.getTime() / 1000),
    exp: Math.floor(end / 1000),
    license,
  };
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
