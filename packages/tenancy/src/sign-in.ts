import { randomUUIDv7 } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { isConnectionLoss, sqlState } from "@tenantry/schema";
import { type Kysely, sql } from "kysely";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import { normalizeLicenseKey } from "./license-key.ts";
import { type LicenseFacts, licenseStatus } from "./license-status.ts";
import { type License, type LicenseRow, type TenantRow, toLicense } from "./license-view.ts";
import { beginAttempt, clearFailures, loginSubject } from "./lockout.ts";
import { DECOY_HASH, hashPassword, passwordForm, verifyPassword } from "./password.ts";
import { generateToken, hashToken } from "./secret-token.ts";
import { type TenantUser, toTenantUser, type UsersTable, userColumns } from "./tenant-user.ts";
import { assertReady, withTenant } from "./with-tenant.ts";

export interface SignInInput {
  readonly licenseKey: string;
  readonly username: string;
  readonly password: string;
  readonly ttlMs: number;
}

export interface SignedIn {
  readonly token: string;
  readonly expiresAt: string;
  readonly license: License;
  readonly user: TenantUser;
}

/**
 * A refusal is answered on a beat of this many milliseconds after the request came. The work for an unknown license, an
 * unknown user and a wrong password is made alike; what difference is left disappears between two beats. One beat is
 * longer than a check of the costliest hash that may have moved in from a legacy system.
 */
const REFUSAL_BEAT_MS = 1_000;

type Refusal = "unknown license" | "unknown user" | "wrong password" | "inactive user";

/**
 * Signs a tenant's user in.
 *
 * @throws TenancyError INVALID_CREDENTIALS, after the same time whatever was wrong; ACCOUNT_LOCKED; with the right
 * password also LICENSE_INACTIVE, LICENSE_SUSPENDED, LICENSE_EXPIRED and TENANT_NOT_READY.
 */
export async function signIn(ctx: TenancyContext, input: SignInInput): Promise<SignedIn> {
  const startedAt = performance.now();
  const licenseKey = normalizeLicenseKey(input.licenseKey);
  const subject = loginSubject(licenseKey, input.username);
  const countFailure = await beginAttempt(ctx, subject);

  const found = await findLicense(ctx, licenseKey);
  const user = found === null ? undefined : await findUser(ctx, found.tenant, input.username);
  const storedHash = user?.password_hash ?? waitingAdminHash(found, input.username) ?? DECOY_HASH;
  const matches = await verifyPassword(input.password, storedHash);
  if (matches) await clearFailures(ctx, subject);
  // Only whoever knows the password is told that the tenant is still being made, or on its way out.
  if (found !== null && matches) assertReady(found.tenant);

  if (found === null || user === undefined || !matches || user.is_active !== true) {
    const refusal: Refusal =
      found === null
        ? "unknown license"
        : user === undefined
          ? "unknown user"
          : matches
            ? "inactive user"
            : "wrong password";
    await countFailure();
    ctx.log.warn({ licenseKey: found?.license.key, refusal }, "sign-in refused");
    const elapsed = performance.now() - startedAt;
    await wait(REFUSAL_BEAT_MS - (elapsed % REFUSAL_BEAT_MS));
    throw new TenancyError("INVALID_CREDENTIALS", "License key, username or password is wrong.");
  }
  assertUsable(found.license);
  const renewed =
    passwordForm(storedHash) === "werkzeug"
      ? { from: storedHash, to: await hashPassword(input.password) }
      : null;
  return openSession(ctx, found, { userId: user.id, renewed, ttlMs: input.ttlMs });
}

/**
 * @throws TenancyError LICENSE_INACTIVE, LICENSE_SUSPENDED or LICENSE_EXPIRED unless the license is active.
 */
export function assertUsable(license: LicenseFacts): void {
  switch (licenseStatus(license, new Date())) {
    case "inactive":
      throw new TenancyError("LICENSE_INACTIVE", "The license is not active.");
    case "suspended":
      throw new TenancyError("LICENSE_SUSPENDED", "The license is suspended.");
    case "expired":
      throw new TenancyError("LICENSE_EXPIRED", "The license has expired.");
    case "active":
  }
}

interface LicenseAndTenant {
  readonly license: LicenseRow;
  readonly tenant: TenantRow;
}

async function findLicense(ctx: TenancyContext, key: string): Promise<LicenseAndTenant | null> {
  const license = await ctx.control
    .selectFrom("licenses")
    .selectAll()
    .where("key", "=", key)
    .executeTakeFirst();
  if (license === undefined) return null;
  const tenant = await ctx.control
    .selectFrom("tenants")
    .selectAll()
    .where("license_id", "=", license.id)
    .executeTakeFirst();
  const signIn = tenant === undefined ? false : ctx.blueprints.get(tenant.blueprint)?.blueprint.signIn;
  return tenant === undefined || signIn !== true ? null : { license, tenant };
}

async function findUser(ctx: TenancyContext, tenant: TenantRow, username: string) {
  if (tenant.state !== "ready" && tenant.state !== "deleting") return undefined;
  // A tenant that is being deleted is asked as long as it can answer.
  const asked = withTenant(ctx, { ...tenant, state: "ready" }, (db: Kysely<UsersTable>) =>
    db
      .selectFrom("users")
      .select([...userColumns, "password_hash"])
      .where("username", "=", username)
      .executeTakeFirst(),
  );
  return tenant.state === "ready" ? asked : asked.catch(absentIfDropped);
}

function absentIfDropped(error: unknown): undefined {
  if (sqlState(error) === undefined || isConnectionLoss(error)) throw error;
  return undefined;
}

interface Opening {
  readonly userId: string;
  /** The password's new hash, in place of the one that it was checked by. */
  readonly renewed: RenewedHash | null;
  readonly ttlMs: number;
}

interface RenewedHash {
  readonly from: string;
  readonly to: string;
}

async function openSession(
  ctx: TenancyContext,
  { license, tenant }: LicenseAndTenant,
  { userId, renewed, ttlMs }: Opening,
): Promise<SignedIn> {
  const user = await recordLogin(ctx, tenant, userId, renewed).catch((error: unknown) => {
    if (renewed === null || isConnectionLoss(error)) throw error;
    ctx.log.warn({ err: error, licenseKey: license.key, userId }, "legacy password hash not replaced");
    return recordLogin(ctx, tenant, userId, null);
  });
  const token = generateToken("ts");
  const expiresAt = new Date(Date.now() + ttlMs);
  await ctx.control
    .insertInto("sessions")
    .values({
      id: randomUUIDv7(),
      token_hash: hashToken(token),
      license_id: license.id,
      user_id: userId,
      expires_at: expiresAt,
    })
    .execute();
  return {
    token,
    expiresAt: expiresAt.toISOString(),
    license: toLicense(license, new Date()),
    user: toTenantUser(user),
  };
}

function recordLogin(
  ctx: TenancyContext,
  tenant: TenantRow,
  userId: string,
  renewed: RenewedHash | null,
): Promise<Pick<UsersTable["users"], (typeof userColumns)[number]>> {
  // A password that was changed since it was checked stays as it is.
  const hash =
    renewed === null
      ? {}
      : {
          password_hash: sql<string>`case when password_hash = ${renewed.from} then ${renewed.to} else password_hash end`,
        };
  return withTenant(ctx, tenant, (db: Kysely<UsersTable>) =>
    db
      .updateTable("users")
      .set({ last_login: sql<Date>`now()`, ...hash })
      .where("id", "=", userId)
      .returning(userColumns)
      .executeTakeFirstOrThrow(),
  );
}

/** The administrator named at the sale, while the tenant that will know him isn't there yet. */
function waitingAdminHash(found: LicenseAndTenant | null, username: string): string | null {
  return found !== null && found.license.admin_username === username
    ? found.license.admin_password_hash
    : null;
}
