import { pbkdf2Sync } from "node:crypto";
import { type Kysely, sql } from "kysely";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../test/support/database.ts";
import { untilBlocked } from "../../../test/support/locks.ts";
import { ADMIN_PASSWORD, ended, orderLicense } from "../../../test/support/requests.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import type { CreateLicenseAnswer } from "./create-license.ts";
import { hashPassword } from "./password.ts";
import { endSession, getSession } from "./session.ts";
import { signIn } from "./sign-in.ts";
import type { UsersTable } from "./tenant-user.ts";
import { withTenant } from "./with-tenant.ts";

const HOUR_MS = 3_600_000;
const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const { ctx } = installation;

/** A new customer for each test: lockouts are counted by license and user. */
async function customer(): Promise<CreateLicenseAnswer> {
  const order = await orderLicense(installation, { clientName: "متجر الأمل" });
  expect((await ended(installation, order.operation.id)).state).toBe("succeeded");
  return order;
}

function attempt(licenseKey: string, password: string, username = "admin") {
  return signIn(ctx, { licenseKey, username, password, ttlMs: HOUR_MS });
}

async function rowOf(order: CreateLicenseAnswer) {
  return ctx.control
    .selectFrom("tenants")
    .selectAll()
    .where("schema_name", "=", order.tenant.schema)
    .executeTakeFirstOrThrow();
}

/** As Werkzeug writes it; by default with what its files in the field have most. */
function werkzeugHash(password: string, { digest = "sha256", rounds = 260_000, bytes = 32 } = {}): string {
  const key = pbkdf2Sync(password, "pqXJQ4I9dOv8GZ4f", rounds, bytes, digest);
  return `pbkdf2:${digest}:${rounds}$pqXJQ4I9dOv8GZ4f$${key.toString("hex")}`;
}

/** A customer whose administrator's password moved in with its legacy hash. */
async function movedCustomer(password_hash: string): Promise<CreateLicenseAnswer> {
  const order = await customer();
  await withTenant(ctx, await rowOf(order), (db: Kysely<UsersTable>) =>
    db.updateTable("users").set({ password_hash }).where("username", "=", "admin").execute(),
  );
  return order;
}

async function storedHash(order: CreateLicenseAnswer): Promise<string> {
  const { password_hash } = await withTenant(ctx, await rowOf(order), (db: Kysely<UsersTable>) =>
    db
      .selectFrom("users")
      .select("password_hash")
      .where("username", "=", "admin")
      .$narrowType<{ password_hash: string }>()
      .executeTakeFirstOrThrow(),
  );
  return password_hash;
}

describe("signing in", () => {
  beforeAll(async () => {
    await installation.work();
  });

  it("lets the new admin in, and the session knows him", async () => {
    const { license, tenant } = await customer();
    const signedIn = await attempt(license.key, ADMIN_PASSWORD);
    expect(signedIn.user).toMatchObject({ username: "admin", isAdmin: true, fullName: "متجر الأمل" });
    const session = await getSession(ctx, signedIn.token);
    expect(session.tenant.schema).toBe(tenant.schema);
    expect(session.license.key).toBe(license.key);
    expect(session.user.lastLogin).not.toBeNull();
  });

  it("takes a license key in small letters and with blanks around it", async () => {
    const { license } = await customer();
    await expect(attempt(` ${license.key.toLowerCase()} `, ADMIN_PASSWORD)).resolves.toHaveProperty("token");
  });

  it("ends with the session, once", async () => {
    const { license } = await customer();
    const { token } = await attempt(license.key, ADMIN_PASSWORD);
    await endSession(ctx, token);
    await expect(getSession(ctx, token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(endSession(ctx, token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  it("keeps no token and no password that could be read back", async () => {
    const { license } = await customer();
    const { token } = await attempt(license.key, ADMIN_PASSWORD);
    const dump = await sql<{ row: string }>`
      select s::text as row from tenantry.sessions s union all select l::text from tenantry.licenses l
      union all select o::text from tenantry.operations o union all select e::text from tenantry.operation_events e`.execute(
      ctx.control,
    );
    const text = dump.rows.map(({ row }) => row).join("\n") + installation.logs.lines.join("");
    expect(text).not.toContain(token);
    expect(text).not.toContain(ADMIN_PASSWORD);
    expect(text).not.toContain("$argon2id$");
  });

  it("refuses alike what is wrong, whatever it is, and after the same time", async () => {
    const { license } = await customer();
    // The costliest hash that is accepted at all.
    const moved = await movedCustomer(
      werkzeugHash("old password", { digest: "sha512", rounds: 250_000, bytes: 64 }),
    );
    const wrong = {
      "unknown license": () => attempt("0000-0000-0000-0000", ADMIN_PASSWORD),
      "unknown user": () => attempt(license.key, ADMIN_PASSWORD, "nobody"),
      "wrong password": () => attempt(license.key, "wrong password"),
      "wrong password of a legacy hash": () => attempt(moved.license.key, "wrong password"),
    };
    const quickest: Record<string, number> = {};
    // A busy machine may miss a beat now and then, whatever was wrong. Five refusals in a row would lock.
    for (let round = 1; round <= 3; round++) {
      for (const [name, refused] of Object.entries(wrong)) {
        const startedAt = performance.now();
        await expect(refused()).rejects.toMatchObject({
          code: "INVALID_CREDENTIALS",
          message: "License key, username or password is wrong.",
        });
        quickest[name] = Math.min(quickest[name] ?? Number.POSITIVE_INFINITY, performance.now() - startedAt);
      }
    }
    // Answers come on a beat of one second; whichever beat it is, all share it.
    const beats = Object.values(quickest).map((milliseconds) => Math.round(milliseconds / 250));
    expect(new Set(beats), JSON.stringify(quickest)).toHaveLength(1);
    const told = installation.logs.withMessage("sign-in refused").map((line) => line.refusal);
    expect(told.slice(-4)).toEqual(["unknown license", "unknown user", "wrong password", "wrong password"]);
  });

  it("lets a user who moved in keep the password, and renews its hash at the first success", async () => {
    const legacy = werkzeugHash("كلمة-السر-١٢٣");
    const order = await movedCustomer(legacy);
    await expect(attempt(order.license.key, "كلمة-السر-123")).rejects.toMatchObject({
      code: "INVALID_CREDENTIALS",
    });
    expect(await storedHash(order)).toBe(legacy);
    await attempt(order.license.key, "كلمة-السر-١٢٣");
    const renewed = await storedHash(order);
    expect(renewed).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    await attempt(order.license.key, "كلمة-السر-١٢٣");
    expect(await storedHash(order), "an Argon2id hash stays").toBe(renewed);
    expect(installation.logs.lines.join("")).not.toContain("pbkdf2:");
  });

  it("lets both in when a user who moved in signs in twice at once", async () => {
    const order = await movedCustomer(werkzeugHash("old password"));
    await Promise.all([
      attempt(order.license.key, "old password"),
      attempt(order.license.key, "old password"),
    ]);
    expect(await storedHash(order)).toMatch(/^\$argon2id\$/);
    await expect(attempt(order.license.key, "old password")).resolves.toHaveProperty("token");
  });

  it("doesn't bring an old password back that was changed while it was being checked", async () => {
    const order = await movedCustomer(werkzeugHash("old password"));
    const changed = await hashPassword("new password");
    const signedIn = await ctx.control.transaction().execute(async (trx) => {
      const users = sql.id(order.tenant.schema, "users");
      await sql`update ${users} set password_hash = ${changed} where username = 'admin'`.execute(trx);
      const checking = attempt(order.license.key, "old password");
      await untilBlocked(database.adminUrl, "tenantry-test-serving");
      return { checking };
    });
    await signedIn.checking;
    expect(await storedHash(order)).toBe(changed);
  });

  it("lets a user who moved in sign in although the new hash can't be stored, and says so in the log", async () => {
    const order = await movedCustomer(werkzeugHash("old password"));
    const users = sql.id(order.tenant.schema, "users");
    await sql`alter table ${users} add constraint old_only check (password_hash not like '$argon2id$%')`.execute(
      ctx.control,
    );
    const { user } = await attempt(order.license.key, "old password");
    expect(user.lastLogin).not.toBeNull();
    const [line] = installation.logs.withMessage("legacy password hash not replaced");
    expect(line).toMatchObject({ licenseKey: order.license.key });
    expect(JSON.stringify(line)).not.toMatch(/argon2id|pbkdf2/);
  });

  it("locks for 30 minutes after five wrong passwords, for the right one too", async () => {
    const { license } = await customer();
    for (let failure = 1; failure <= 5; failure++) {
      await expect(attempt(license.key, "wrong password")).rejects.toMatchObject({
        code: "INVALID_CREDENTIALS",
      });
    }
    const refusal = await attempt(license.key, ADMIN_PASSWORD).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "ACCOUNT_LOCKED" });
    const { retryAfterSeconds } = refusal as { retryAfterSeconds: number };
    expect(retryAfterSeconds).toBeGreaterThan(29 * 60);
    expect(retryAfterSeconds).toBeLessThanOrEqual(30 * 60);
    await ctx.control
      .updateTable("login_attempts")
      .set({ locked_until: sql<Date>`now() - interval '1 second'` })
      .execute();
    await expect(attempt(license.key, ADMIN_PASSWORD)).resolves.toHaveProperty("token");
  });

  it("locks a user who doesn't exist as well, so that a lock tells nothing", async () => {
    const { license } = await customer();
    for (let failure = 1; failure <= 5; failure++) {
      await expect(attempt(license.key, "wrong password", "ghost")).rejects.toMatchObject({
        code: "INVALID_CREDENTIALS",
      });
    }
    await expect(attempt(license.key, "wrong password", "ghost")).rejects.toMatchObject({
      code: "ACCOUNT_LOCKED",
    });
  });

  it("looks at no more than five passwords when forty are tried at once", async () => {
    const { license } = await customer();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) => attempt(license.key, `guess number ${index}`)),
    );
    const codes = outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason.code : "let in"));
    expect(codes.filter((code) => code === "INVALID_CREDENTIALS")).toHaveLength(5);
    expect(codes.filter((code) => code === "ACCOUNT_LOCKED")).toHaveLength(35);
  });

  it("forgets failures after a success", async () => {
    const { license } = await customer();
    for (let round = 1; round <= 2; round++) {
      for (let failure = 1; failure <= 4; failure++) {
        await expect(attempt(license.key, "wrong password")).rejects.toMatchObject({
          code: "INVALID_CREDENTIALS",
        });
      }
      await attempt(license.key, ADMIN_PASSWORD);
    }
  });

  const closed = [
    ["suspended", { suspended_at: new Date() }, "LICENSE_SUSPENDED"],
    ["expired", { expires_at: new Date(Date.now() - 1000) }, "LICENSE_EXPIRED"],
    ["inactive", { is_active: false }, "LICENSE_INACTIVE"],
  ] as const;
  it.each(closed)(
    "is refused with a reason when the license is %s, and so is a session that runs",
    async (_, change, code) => {
      const { license } = await customer();
      const { token } = await attempt(license.key, ADMIN_PASSWORD);
      await ctx.control.updateTable("licenses").set(change).where("key", "=", license.key).execute();
      await expect(attempt(license.key, ADMIN_PASSWORD)).rejects.toMatchObject({ code });
      await expect(attempt(license.key, "wrong password")).rejects.toMatchObject({
        code: "INVALID_CREDENTIALS",
      });
      await expect(getSession(ctx, token)).rejects.toMatchObject({ code });
    },
  );

  it("isn't locked by the right password, however often a suspended license refuses it", async () => {
    const { license } = await customer();
    await ctx.control
      .updateTable("licenses")
      .set({ suspended_at: new Date() })
      .where("key", "=", license.key)
      .execute();
    for (let knock = 1; knock <= 7; knock++) {
      await expect(attempt(license.key, ADMIN_PASSWORD)).rejects.toMatchObject({ code: "LICENSE_SUSPENDED" });
    }
  });

  it("ends for a user whom the customer has switched off", async () => {
    const order = await customer();
    const { token } = await attempt(order.license.key, ADMIN_PASSWORD);
    await withTenant(ctx, await rowOf(order), (db: Kysely<{ users: { is_active: boolean } }>) =>
      db.updateTable("users").set({ is_active: false }).execute(),
    );
    await expect(getSession(ctx, token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(attempt(order.license.key, ADMIN_PASSWORD)).rejects.toMatchObject({
      code: "INVALID_CREDENTIALS",
    });
  });
});
