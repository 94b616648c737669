import { randomBytes } from "node:crypto";
import { hashPassword, type TenancyContext } from "@tenantry/tenancy";

export interface OpsLogin {
  readonly user: string;
  /** Argon2id, PHC form. */
  readonly passwordHash: string;
  /** Set when the password was made just now: show it, for it is stored nowhere. */
  readonly newPassword?: string;
}

const SETTING = "ops_password_hash";
const GENERATED_PASSWORD_BYTES = 15;

/** A password for the dashboard that nobody has to think up: 120 random bits. */
export function generateOpsPassword(): string {
  return randomBytes(GENERATED_PASSWORD_BYTES).toString("base64url");
}

/**
 * The dashboard's login: the configured password, or one that is made at the first start and kept as a hash. Processes
 * that start together agree on one.
 */
export async function ensureOpsLogin(
  ctx: TenancyContext,
  config: { opsUser: string; opsPassword: string | null },
): Promise<OpsLogin> {
  if (config.opsPassword !== null) {
    return { user: config.opsUser, passwordHash: await hashPassword(config.opsPassword) };
  }
  const stored = await readHash(ctx);
  if (stored !== null) return { user: config.opsUser, passwordHash: stored };
  const newPassword = generateOpsPassword();
  const passwordHash = await hashPassword(newPassword);
  const inserted = await ctx.control
    .insertInto("settings")
    .values({ name: SETTING, value: JSON.stringify({ passwordHash }) })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if ((inserted.numInsertedOrUpdatedRows ?? 0n) > 0n)
    return { user: config.opsUser, passwordHash, newPassword };
  const winner = await readHash(ctx);
  if (winner === null) throw new Error("the dashboard's password vanished while it was being made");
  return { user: config.opsUser, passwordHash: winner };
}

async function readHash(ctx: TenancyContext): Promise<string | null> {
  const row = await ctx.control
    .selectFrom("settings")
    .select("value")
    .where("name", "=", SETTING)
    .executeTakeFirst();
  const hash = row === undefined ? undefined : Reflect.get(row.value, "passwordHash");
  return typeof hash === "string" ? hash : null;
}
