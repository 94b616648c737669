import { createHash, timingSafeEqual } from "node:crypto";
import { generateToken, hashToken, verifyPassword } from "@tenantry/tenancy";
import type { Api } from "../api.ts";

export const OPS_SESSION_MS = 12 * 3_600_000;

/** True for the dashboard's login. A wrong user costs the same work as a wrong password. */
export async function isOpsLogin(ops: Api["ops"], user: string, password: string): Promise<boolean> {
  const passwordMatches = await verifyPassword(password, ops.passwordHash);
  return timingSafeEqual(digest(user), digest(ops.user)) && passwordMatches;
}

/** Opens a session and returns its token, which is stored only as a hash. */
export async function openOpsSession(api: Api): Promise<string> {
  const token = generateToken("to");
  await api.ctx.control
    .insertInto("ops_sessions")
    .values({
      token_hash: hashToken(token),
      username: api.ops.user,
      expires_at: new Date(Date.now() + OPS_SESSION_MS),
    })
    .execute();
  return token;
}

/** True for a live session's token. */
export async function isOpsSession(api: Api, token: string | undefined): Promise<boolean> {
  if (token === undefined) return false;
  const row = await api.ctx.control
    .selectFrom("ops_sessions")
    .select("username")
    .where("token_hash", "=", hashToken(token))
    .where("expires_at", ">", new Date())
    .executeTakeFirst();
  // Whoever renames the login means to shut out the old name.
  return row?.username === api.ops.user;
}

export async function closeOpsSession(api: Api, token: string): Promise<void> {
  await api.ctx.control.deleteFrom("ops_sessions").where("token_hash", "=", hashToken(token)).execute();
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
