import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { sql } from "kysely";
import type { TenancyContext } from "./context.ts";

/** A key that certificates are verified with, as RFC 8037 writes it into a JWK set. */
export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly alg: "EdDSA";
  readonly use: "sig";
  readonly kid: string;
  /** The 32 bytes of the public key in base64url. */
  readonly x: string;
}

/** A key as ops see it. */
export interface CertificateKey {
  readonly id: string;
  readonly createdAt: string;
  /** When it signed its last; null for the one that signs now. */
  readonly retiredAt: string | null;
  /** Until when something that it signed is valid; null when it signed nothing. */
  readonly lastCertificateEndsAt: string | null;
  /** Whether verifiers still get to see it. */
  readonly published: boolean;
}

export interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
}

/** What a private Ed25519 key of 32 bytes is prefixed with in PKCS #8 (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * How often a key may be met that somebody is just replacing, before that is an error: each time is another rotation.
 */
const ATTEMPTS = 5;

/**
 * The key to sign with now, made if there is none. `until` is remembered with it: a key stays published until the last
 * certificate that it signed has ended. Safe at any concurrency, also with rotations.
 */
export async function takeSigningKey(ctx: TenancyContext, until: Date): Promise<SigningKey> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const key = await ctx.control
      .updateTable("certificate_keys")
      .set({ last_certificate_ends_at: sql<Date>`greatest(last_certificate_ends_at, ${until})` })
      .where("retired_at", "is", null)
      .returning(["id", "salt"])
      .executeTakeFirst();
    const privateKey = key?.salt ? derivedKey(ctx, key.salt) : undefined;
    if (key !== undefined && privateKey !== undefined && thumbprint(publicHalf(privateKey)) === key.id) {
      return { id: key.id, privateKey };
    }
    // None is there yet, one is just being replaced, or the installation has another secret than when it was made.
    if (key === undefined) await addKey(ctx);
    else await rotateCertificateKey(ctx, key.id);
  }
  throw new Error("the certificate key was replaced again and again");
}

/** The public keys that verifiers need: the one that signs, and those with certificates that haven't ended. */
export async function publishedCertificateKeys(ctx: TenancyContext): Promise<PublicJwk[]> {
  const published = () =>
    ctx.control
      .selectFrom("certificate_keys")
      .select(["id", "public_key"])
      .where((eb) =>
        eb.or([eb("retired_at", "is", null), eb("last_certificate_ends_at", ">", sql<Date>`now()`)]),
      )
      .orderBy("created_at", "desc")
      .orderBy("id")
      .execute();
  let rows = await published();
  if (rows.length === 0) {
    await addKey(ctx);
    rows = await published();
  }
  return rows.map(({ id, public_key }) => ({
    kty: "OKP",
    crv: "Ed25519",
    alg: "EdDSA",
    use: "sig",
    kid: id,
    x: public_key.toString("base64url"),
  }));
}

/** Every key that there ever was, newest first. */
export async function listCertificateKeys(ctx: TenancyContext): Promise<CertificateKey[]> {
  const rows = await ctx.control
    .selectFrom("certificate_keys")
    .select(["id", "created_at", "retired_at", "last_certificate_ends_at"])
    .orderBy("created_at", "desc")
    .orderBy("id")
    .execute();
  const now = new Date();
  return rows.map((row) => ({
    id: row.id,
    createdAt: row.created_at.toISOString(),
    retiredAt: row.retired_at?.toISOString() ?? null,
    lastCertificateEndsAt: row.last_certificate_ends_at?.toISOString() ?? null,
    published: row.retired_at === null || (row.last_certificate_ends_at ?? now) > now,
  }));
}

/**
 * Signs with a new key from now on. What the old one signed stays valid, and the old one published, until it ends; its
 * private half is gone for good. Of several at once, one makes the new key.
 *
 * @param id the key to replace, if it still is the one that signs; whichever it is when left out
 * @returns the new key's id
 */
export async function rotateCertificateKey(ctx: TenancyContext, id?: string): Promise<string> {
  await ctx.control.transaction().execute(async (transaction) => {
    const live = transaction
      .updateTable("certificate_keys")
      .set({ retired_at: sql<Date>`now()`, salt: null })
      .where("retired_at", "is", null);
    const retired = await (id === undefined ? live : live.where("id", "=", id)).executeTakeFirst();
    // Somebody else was faster: theirs is the new one.
    if (retired.numUpdatedRows > 0n) await addKey({ ...ctx, control: transaction });
  });
  await addKey(ctx);
  const key = await ctx.control
    .selectFrom("certificate_keys")
    .select("id")
    .where("retired_at", "is", null)
    .executeTakeFirstOrThrow();
  return key.id;
}

/** Adds a key that signs from now on; does nothing where there is one. */
async function addKey(ctx: Pick<TenancyContext, "control" | "secret">): Promise<void> {
  const salt = randomBytes(32);
  const publicKey = publicHalf(derivedKey(ctx, salt));
  await ctx.control
    .insertInto("certificate_keys")
    .values({ id: thumbprint(publicKey), public_key: Buffer.from(publicKey, "base64url"), salt })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The private half is stored nowhere: it comes of the installation's secret and a salt, which goes when it retires. */
function derivedKey(ctx: Pick<TenancyContext, "secret">, salt: Buffer): KeyObject {
  const seed = createHmac("sha256", ctx.secret).update("certificate-key\0").update(salt).digest();
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
}

function publicHalf(privateKey: KeyObject): string {
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  if (x === undefined) throw new Error("an Ed25519 key has no public half");
  return x;
}

/** The key's name by what it is, so that two keys never share one. Source: RFC 7638, section 3. */
function thumbprint(x: string): string {
  return createHash("sha256")
    .update(JSON.stringify({ crv: "Ed25519", kty: "OKP", x }))
    .digest("base64url");
}
