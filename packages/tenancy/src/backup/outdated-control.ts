import { CONTROL_SCHEMA, type ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import { removeBackup } from "./remove-backup.ts";
import type { WrittenArchive } from "./write-archive.ts";

/**
 * Control data that were read before a license was erased still tell of its client: such an archive may not become a
 * backup. An erasure waits for whoever reads them, and for this transaction: it comes before, and is seen, or after.
 *
 * @throws TenancyError UNAVAILABLE: the next attempt reads them again.
 */
export async function assertNobodyErasedSince(
  transaction: ControlDatabase,
  { snapshot }: WrittenArchive,
): Promise<void> {
  await sql`lock table ${sql.id(CONTROL_SCHEMA)}.scheduled_runs in access share mode`.execute(transaction);
  const erased = await transaction
    .selectFrom("licenses")
    .select("id")
    .where("erased_at", ">=", new Date(snapshot.contents.takenAt))
    .limit(1)
    .executeTakeFirst();
  if (erased === undefined) return;
  throw new TenancyError("UNAVAILABLE", "A license was erased meanwhile; the control data are read again.", {
    retryable: true,
  });
}

/**
 * Removes backups of control data that tell of a client who was erased since, as far as there is a newer one to rebuild the
 * installation from.
 *
 * @throws StoreError; the driver's error.
 */
export async function removeOutdatedControl(ctx: TenancyContext): Promise<void> {
  await settleClock(ctx.control);
  const outdated = await ctx.control
    .selectFrom("backups")
    .select(["id", "archive_id", "name"])
    .where("kind", "=", "control")
    .where("state", "=", "ready")
    .where("taken_at", "<=", (eb) =>
      eb.selectFrom("licenses").select((license) => license.fn.max("erased_at").as("erased")),
    )
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom("backups as newer")
          .select("newer.id")
          .where("newer.kind", "=", "control")
          .where("newer.state", "=", "ready")
          .where("newer.trouble", "is", null)
          .where("newer.taken_at", ">", (eb) =>
            eb.selectFrom("licenses").select((license) => license.fn.max("erased_at").as("erased")),
          ),
      ),
    )
    .execute();
  for (const backup of outdated) await removeBackup(ctx, backup);
}

/** What was erased by a clock that was ahead, and has been set back, was erased by now: no backup would be newer for so long. */
async function settleClock(control: ControlDatabase): Promise<void> {
  await control
    .updateTable("licenses")
    .set({ erased_at: sql<Date>`now()` })
    .where("erased_at", ">", sql<Date>`now() + interval '1 minute'`)
    .execute();
}
