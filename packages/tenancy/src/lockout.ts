import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";

/** Wrong passwords in a row that lock an account. */
export const MAX_FAILURES = 5;
export const LOCK_MINUTES = 30;
/** Rows of attempts older than this say nothing any more. */
const FORGET_AFTER_DAYS = 7;

/**
 * Whom failures are counted for: license key and username as typed, hashed, whether they exist or not. So a name that
 * doesn't exist locks like one that does, and the table tells nothing about names.
 */
export function loginSubject(licenseKey: string, username: string): Buffer {
  return createHash("sha256").update(licenseKey).update("\0").update(username).digest();
}

/**
 * Counts an attempt before its password is looked at, so that guesses sent all at once don't get past the limit.
 * Returns a function to call when the password was wrong; `clearFailures` takes the count back when it was right.
 *
 * @throws TenancyError ACCOUNT_LOCKED with the time it ends.
 */
export async function beginAttempt(ctx: TenancyContext, subject: Buffer): Promise<() => Promise<void>> {
  const lockEnd = sql<Date>`now() + ${LOCK_MINUTES} * interval '1 minute'`;
  // A lock that has ended starts the count anew; one that holds isn't prolonged by knocking.
  const failures = sql<number>`case when login_attempts.locked_until <= now() then 1 else login_attempts.failures + 1 end`;
  const row = await ctx.control
    .insertInto("login_attempts")
    .values({ subject, failures: 1, last_failure_at: sql<Date>`now()` })
    .onConflict((conflict) =>
      conflict.column("subject").doUpdateSet({
        failures,
        last_failure_at: sql<Date>`now()`,
        locked_until: sql<Date | null>`case when login_attempts.locked_until > now() then login_attempts.locked_until
          when ${failures} > ${MAX_FAILURES} then ${lockEnd} end`,
      }),
    )
    .returning(["failures", "locked_until"])
    .executeTakeFirstOrThrow();
  if (row.locked_until !== null) {
    throw new TenancyError("ACCOUNT_LOCKED", `Locked until ${row.locked_until.toISOString()}.`, {
      retryAfterSeconds: Math.max(1, Math.ceil((row.locked_until.getTime() - Date.now()) / 1000)),
    });
  }
  return async () => {
    if (row.failures < MAX_FAILURES) return;
    await ctx.control
      .updateTable("login_attempts")
      .set({ locked_until: lockEnd })
      .where("subject", "=", subject)
      .where("failures", ">=", MAX_FAILURES)
      .execute();
  };
}

/** Forgets the failures: the password was right. */
export async function clearFailures(ctx: TenancyContext, subject: Buffer): Promise<void> {
  await ctx.control.deleteFrom("login_attempts").where("subject", "=", subject).execute();
}

/** Removes what no longer matters: old failures, ended sessions. Called now and then by a worker. */
export async function forgetOldAttempts(ctx: TenancyContext): Promise<void> {
  await ctx.control
    .deleteFrom("login_attempts")
    .where("last_failure_at", "<", sql<Date>`now() - ${FORGET_AFTER_DAYS} * interval '1 day'`)
    .execute();
  await ctx.control.deleteFrom("sessions").where("expires_at", "<", sql<Date>`now()`).execute();
  await ctx.control.deleteFrom("ops_sessions").where("expires_at", "<", sql<Date>`now()`).execute();
}
