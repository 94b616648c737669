import type { ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import type { Caller } from "../idempotency.ts";
import type { RunOutcome } from "../run.ts";
import { NothingToBackUpError, orderBackups } from "./order-backups.ts";
import { type DueMoment, lastDue, spreadOver } from "./schedule.ts";

const SETTING = "backup_schedule";
const SCHEDULE = "backup";
const CALLER: Caller = { actor: "schedule", apiKeyId: null, idempotency: null };
/** By how much a worker's clock may be ahead of the database's. Milliseconds. */
const CLOCKS_APART_MS = 60_000;

/** Somebody else has begun the run for this moment. */
class BegunAlready extends Error {}

/**
 * Notes since when `BACKUP_SCHEDULE` is what it is: moments before that weren't missed. To be called before the queue is
 * told of it.
 */
export async function noteSchedule(ctx: TenancyContext): Promise<void> {
  const { schedule } = ctx.backups;
  if (schedule === null) {
    await ctx.control.deleteFrom("settings").where("name", "=", SETTING).execute();
    return;
  }
  const value = sql<string>`jsonb_build_object('pattern', ${schedule}::text, 'since', now())`;
  await ctx.control
    .insertInto("settings")
    .values({ name: SETTING, value })
    .onConflict((conflict) =>
      conflict
        .column("name")
        .doUpdateSet({ value })
        // A clock that was set back would else have it wait until then.
        .where(
          sql<boolean>`settings.value ->> 'pattern' <> ${schedule} or (settings.value ->> 'since')::timestamptz > now()`,
        ),
    )
    .execute();
}

/**
 * Begins the backups of everything that the schedule wants by now: for the last moment that it came due at, once, however
 * many ask and however often. Moments before that one aren't made up for. What an earlier one's run is still making isn't
 * made twice: that run covers it.
 *
 * @param at when the caller was to ask: its clock may be a little ahead of the database's.
 * @returns null when there is nothing to begin.
 */
export async function runSchedule(ctx: TenancyContext, at: Date | null = null): Promise<RunOutcome | null> {
  const due = await dueMoment(ctx, at);
  if (due === null || (await isBegun(ctx.control, due))) return null;
  const made = await stillMade(ctx.control);
  const [before] = made;
  if (before !== undefined) {
    const { dueAt } = due;
    const about = { dueAt, operationId: before.runId, backups: made.length };
    ctx.log.warn(about, "scheduled backups of before are still made");
  }
  try {
    return await orderBackups(ctx, { licenseKeys: null }, CALLER, {
      spreadMs: spreadOver(due.periodMs),
      spared: new Set(made.map(({ licenseId }) => licenseId)),
      beside: async (transaction, runId) => {
        if (!(await begin(transaction, due, runId))) throw new BegunAlready();
      },
    });
  } catch (error) {
    if (error instanceof NothingToBackUpError && before !== undefined) {
      await begin(ctx.control, due, before.runId);
      return null;
    }
    if (error instanceof BegunAlready) return null;
    throw error;
  }
}

/** By the database's clock, which all workers share. */
async function dueMoment(ctx: TenancyContext, at: Date | null): Promise<DueMoment | null> {
  const { schedule } = ctx.backups;
  if (schedule === null) return null;
  const noted = await ctx.control
    .selectFrom("settings")
    .select([sql<Date>`(value ->> 'since')::timestamptz`.as("since"), sql<Date>`now()`.as("now")])
    .where("name", "=", SETTING)
    .where(sql<string>`value ->> 'pattern'`, "=", schedule)
    .executeTakeFirst();
  if (noted === undefined) return null;
  const ahead = at === null ? 0 : at.getTime() - noted.now.getTime();
  const now = at !== null && ahead > 0 && ahead <= CLOCKS_APART_MS ? at : noted.now;
  const due = lastDue(schedule, now);
  return due === null || due.dueAt < noted.since ? null : due;
}

async function isBegun(control: ControlDatabase, { dueAt }: DueMoment): Promise<boolean> {
  const begun = await control
    .selectFrom("scheduled_runs")
    .select("due_at")
    .where("schedule", "=", SCHEDULE)
    .where("due_at", "=", dueAt)
    .executeTakeFirst();
  return begun !== undefined;
}

/** What scheduled runs have left to do, that of a license or, with null, of the control data. */
async function stillMade(
  control: ControlDatabase,
): Promise<{ readonly runId: string; readonly licenseId: string | null }[]> {
  return control
    .selectFrom("operations as run")
    .innerJoin("operations as child", "child.parent_id", "run.id")
    .select(["run.id as runId", "child.license_id as licenseId"])
    .where("run.state", "=", "running")
    .where("child.state", "in", ["queued", "running"])
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom("scheduled_runs").select("due_at").whereRef("scheduled_runs.operation_id", "=", "run.id"),
      ),
    )
    .orderBy("run.id", "desc")
    .execute();
}

/** False when somebody else was first, whose commit is waited for. */
async function begin(control: ControlDatabase, { dueAt }: DueMoment, runId: string): Promise<boolean> {
  const inserted = await control
    .insertInto("scheduled_runs")
    .values({ schedule: SCHEDULE, due_at: dueAt, operation_id: runId })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return (inserted.numInsertedOrUpdatedRows ?? 0n) > 0n;
}
