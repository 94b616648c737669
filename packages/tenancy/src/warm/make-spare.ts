import { randomUUIDv7 } from "node:crypto";
import { ADVISORY_LOCK_SPACE, type CompiledBlueprint, provisionSpare } from "@tenantry/schema";
import { sql } from "kysely";
import type { Placement, TenancyContext } from "../context.ts";
import { atPace } from "../pace/at-pace.ts";
import { tenantGateway, withGateway } from "../tenant-connection.ts";
import type { SpareRow } from "./spares.ts";
import { advanceSpares } from "./spares.ts";

/**
 * Makes one spare, unless there are as many as wanted. Any number of workers may call it at once.
 *
 * @returns false when there are enough
 * @throws the driver's error; the spare retires then.
 */
export async function makeSpare(
  ctx: TenancyContext,
  placement: Placement,
  compiled: CompiledBlueprint,
  wanted: number,
): Promise<boolean> {
  const spare = await registerSpare(ctx, placement, compiled, wanted);
  if (spare === null) return false;
  const gateway = tenantGateway(ctx, spare);
  try {
    await atPace(ctx, placement, "yield", () =>
      withGateway(ctx, placement, gateway, () =>
        provisionSpare(placement.provisioning, {
          id: spare.id,
          schema: spare.schema_name,
          role: spare.role_name,
          gateway,
          blueprint: compiled,
          mayProceed: () => isBeingMade(ctx, spare),
        }),
      ),
    );
  } catch (error) {
    await advanceSpares(ctx.control, "given-up").where("id", "=", spare.id).execute();
    throw error;
  }
  await advanceSpares(ctx.control, "made")
    .set({ made_at: sql<Date>`now()` })
    .where("id", "=", spare.id)
    .execute();
  return true;
}

/** One at a time counts and adds, so that several workers never make too many. */
async function registerSpare(
  ctx: TenancyContext,
  placement: Placement,
  { blueprint, version, fingerprint }: CompiledBlueprint,
  wanted: number,
): Promise<SpareRow | null> {
  return ctx.control.transaction().execute(async (transaction) => {
    const lock = sql.lit(`${placement.name}/${blueprint.name}`);
    await sql`select pg_advisory_xact_lock(${sql.lit(ADVISORY_LOCK_SPACE.spares)}, hashtext(${lock}))`.execute(
      transaction,
    );
    const { count } = await transaction
      .selectFrom("spares")
      .select(({ fn }) => fn.countAll<string>().as("count"))
      .where("placement", "=", placement.name)
      .where("blueprint", "=", blueprint.name)
      .where("fingerprint", "=", fingerprint)
      .where("state", "in", ["making", "ready"])
      .executeTakeFirstOrThrow();
    if (Number(count) >= wanted) return null;
    const drawn = await sql<{ ordinal: number }>`
      select nextval(pg_get_serial_sequence('tenantry.tenants', 'ordinal'))::integer as ordinal`.execute(
      transaction,
    );
    const ordinal = drawn.rows[0]?.ordinal ?? 0;
    const id = randomUUIDv7();
    const name = `tenantry_spare_${id.replaceAll("-", "").slice(-20)}`;
    return transaction
      .insertInto("spares")
      .values({
        id,
        placement: placement.name,
        blueprint: blueprint.name,
        version,
        fingerprint,
        schema_name: name,
        role_name: name,
        keeper_name: tenantGateway(ctx, { ordinal }).keeper,
        ordinal,
        state: "making",
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

/** A maker that was taken for dead finds its spare given up, and makes nothing. */
async function isBeingMade(ctx: TenancyContext, { id }: SpareRow): Promise<boolean> {
  const row = await ctx.control
    .selectFrom("spares")
    .select("id")
    .where("id", "=", id)
    .where("state", "=", "making")
    .executeTakeFirst();
  return row !== undefined;
}
