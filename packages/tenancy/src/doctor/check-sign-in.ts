import type { Kysely } from "kysely";
import type { TenancyContext } from "../context.ts";
import { loginSubject, MAX_FAILURES } from "../lockout.ts";
import { passwordForm } from "../password.ts";
import type { UsersTable } from "../tenant-user.ts";
import { type TenantRef, withTenant } from "../with-tenant.ts";
import { type Finding, ok, problem } from "./finding.ts";

/**
 * Could this user sign in? Tells apart what the login's answer, on purpose, does not.
 *
 * @param username null for any administrator at all.
 */
export async function checkSignIn(
  ctx: TenancyContext,
  license: { readonly key: string; readonly admin_username: string | null },
  tenant: TenantRef,
  username: string | null,
): Promise<Finding[]> {
  if (username === null) return [await checkAdmin(ctx, license.admin_username, tenant)];
  return [await checkUser(ctx, tenant, username), await checkLockout(ctx, license.key, username)];
}

/** Somebody must be able to get in and let the others in. */
async function checkAdmin(ctx: TenancyContext, sold: string | null, tenant: TenantRef): Promise<Finding> {
  const admins = await withTenant(ctx, tenant, (db: Kysely<UsersTable>) =>
    db
      .selectFrom("users")
      .select("username")
      .where("is_admin", "=", true)
      .where("is_active", "=", true)
      .where("password_hash", "is not", null)
      .orderBy("id")
      .limit(3)
      .execute(),
  );
  const names = admins.map(({ username }) => username).join(", ");
  if (admins.length > 0) return ok("admin", `Active administrators: ${names}`);
  const was = sold === null ? "" : `; the license was sold with ${sold}`;
  return problem(
    "admin",
    `The tenant has no active administrator with a password${was}`,
    "Activate or add one in the tenant's `users`, or restore a backup.",
  );
}

async function checkUser(ctx: TenancyContext, tenant: TenantRef, username: string): Promise<Finding> {
  const user = await withTenant(ctx, tenant, (db: Kysely<UsersTable>) =>
    db
      .selectFrom("users")
      .select(["is_active", "password_hash", "last_login"])
      .where("username", "=", username)
      .executeTakeFirst(),
  );
  if (user === undefined) {
    return problem("user", `The tenant has no user ${username}`, "Check the spelling, capitals included.");
  }
  if (user.is_active !== true) {
    return problem("user", `User ${username} is inactive`, "Activate the user in the application.");
  }
  if (user.password_hash === null) {
    return problem("user", `User ${username} has no password`, "Set one in the application.");
  }
  if (passwordForm(user.password_hash) === "unknown") {
    return problem(
      "user",
      `The password of user ${username} is kept in a form that sign-in doesn't know`,
      "Set a new one in the application.",
    );
  }
  return ok(
    "user",
    `User ${username} is active, last signed in ${user.last_login?.toISOString() ?? "never"}`,
  );
}

/** Asks about the name as it would be typed, whether there is such a user or not: names that aren't there lock too. */
export async function checkLockout(
  ctx: TenancyContext,
  licenseKey: string,
  username: string,
): Promise<Finding> {
  const attempts = await ctx.control
    .selectFrom("login_attempts")
    .select(["failures", "locked_until", "last_failure_at"])
    .where("subject", "=", loginSubject(licenseKey, username))
    .executeTakeFirst();
  if (attempts === undefined)
    return ok("lockout", `No failed sign-in of ${username} since the last good one`);
  const { failures, locked_until: until, last_failure_at: last } = attempts;
  if (until !== null && until > new Date()) {
    return problem(
      "lockout",
      `Sign-in as ${username} is locked until ${until.toISOString()}, after ${failures} attempts, the last at ${last.toISOString()}`,
      "Wait until then. If it wasn't the user, somebody is guessing passwords.",
    );
  }
  const wrong = Math.min(failures, MAX_FAILURES);
  return ok(
    "lockout",
    `${wrong} wrong ${wrong === 1 ? "password" : "passwords"} for ${username}, the last at ${last.toISOString()}; not locked`,
  );
}
