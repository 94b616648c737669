import { createHmac } from "node:crypto";
import type { TenancyContext } from "./context.ts";

/** What a password is for: the same name has another password for another purpose. */
export type PasswordPurpose = "gateway-login" | "tenant-login" | "tenant-redis";

/**
 * The password of a login that Tenantry itself makes, by name: a 256-bit key's HMAC, 43 characters of base64url.
 * Every process of an installation comes to the same one, so none is stored or sent around.
 */
export function derivedPassword(
  ctx: Pick<TenancyContext, "secret">,
  purpose: PasswordPurpose,
  name: string,
): string {
  return createHmac("sha256", ctx.secret).update(purpose).update("\0").update(name).digest("base64url");
}
