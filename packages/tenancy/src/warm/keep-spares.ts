import type { CompiledBlueprint } from "@tenantry/schema";
import { sql } from "kysely";
import type { Placement, TenancyContext } from "../context.ts";
import { dropSpare } from "./drop-spare.ts";
import { makeSpare } from "./make-spare.ts";
import { advanceSpares } from "./spares.ts";

export interface KeepSparesInput {
  /** Spares of each blueprint on each placement; 0 for none. */
  readonly wanted: number;
}

/** What one round has come to. */
export interface KeptSpares {
  readonly made: number;
  readonly dropped: number;
  /** Why it ended before there were enough; null when there are. */
  readonly left: "work-waits" | "budget" | null;
}

/** What one round makes or drops at most: others wait for the maintenance queue too. */
const BUDGET = { made: 20, dropped: 20 } as const;
/** A spare takes a second or two; who needs so long has died. */
const MAKER_LOST = sql<Date>`now() - interval '5 minutes'`;

/**
 * Brings the spares to their number: drops those that are outdated, broken, left behind or too many, and makes those
 * that are missing. Makes nothing while work waits: that comes first. Any number of workers may call it at once.
 *
 * @throws the driver's error; what was begun is given up, and the next round goes on.
 */
export async function keepSpares(ctx: TenancyContext, { wanted }: KeepSparesInput): Promise<KeptSpares> {
  const placements = await openPlacements(ctx);
  await giveUp(ctx, placements, wanted);
  const { dropped, troubled } = await dropGivenUp(ctx);
  const round: Round = { wanted, made: 0 };
  let failure: { readonly error: unknown } | null = null;
  for (const name of placements) {
    // A server that can't even be tidied would only get more to tidy.
    if (troubled.has(name)) continue;
    try {
      const left = await fill(ctx, await ctx.placements.of(name), round);
      if (left !== null) return { made: round.made, dropped, left };
    } catch (error) {
      // The others' spares don't depend on this server.
      failure ??= { error };
    }
  }
  if (failure !== null) throw failure.error;
  return { made: round.made, dropped, left: null };
}

interface Round {
  readonly wanted: number;
  made: number;
}

async function fill(ctx: TenancyContext, placement: Placement, round: Round): Promise<KeptSpares["left"]> {
  for (const compiled of ctx.blueprints.values()) {
    if (await hasNewer(ctx, compiled)) continue;
    for (;;) {
      if (await workWaits(ctx)) return "work-waits";
      if (round.made === BUDGET.made) return "budget";
      if (!(await makeSpare(ctx, placement, compiled, round.wanted))) break;
      round.made++;
    }
  }
  return null;
}

async function openPlacements(ctx: TenancyContext): Promise<Placement["name"][]> {
  const rows = await ctx.control
    .selectFrom("placements")
    .select("name")
    .where("draining", "=", false)
    .orderBy("name")
    .execute();
  return rows.map(({ name }) => name);
}

async function giveUp(ctx: TenancyContext, open: readonly string[], wanted: number): Promise<void> {
  const { control, blueprints } = ctx;
  await advanceSpares(control, "given-up")
    .where("state", "=", "making")
    .where("begun_at", "<", MAKER_LOST)
    .execute();
  await advanceSpares(control, "given-up")
    .where("state", "=", "assigned")
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("tenants")
            .select("tenants.id")
            .whereRef("tenants.id", "=", "spares.tenant_id")
            .where("tenants.state", "=", "provisioning"),
        ),
      ),
    )
    .execute();
  for (const { blueprint, version, fingerprint } of blueprints.values()) {
    // Those of a later version belong to workers that are newer than this one.
    await advanceSpares(control, "given-up")
      .where("state", "=", "ready")
      .where("blueprint", "=", blueprint.name)
      .where((eb) =>
        eb.or([
          eb(sql`version collate "C"`, "<", version),
          eb.and([eb("version", "=", version), eb("fingerprint", "!=", fingerprint)]),
        ]),
      )
      .execute();
  }
  // Locked ones are just being handed over.
  const surplus = sql<string>`
    (select id from (
      select id, placement, row_number() over (partition by placement, blueprint, fingerprint order by made_at) as number
      from tenantry.spares where state = 'ready'
    ) as numbered where number > ${wanted} or not (placement = any(${open}::text[])))`;
  await advanceSpares(control, "given-up").where("state", "=", "ready").where("id", "in", surplus).execute();
}

/** Those that can't be dropped now wait for the next round: their server may be away, and is asked once. */
async function dropGivenUp(
  ctx: TenancyContext,
): Promise<{ readonly dropped: number; readonly troubled: ReadonlySet<string> }> {
  const retiring = await ctx.control
    .selectFrom("spares")
    .selectAll()
    .where("state", "=", "retiring")
    .orderBy("begun_at")
    .execute();
  const troubled = new Set<string>();
  let dropped = 0;
  for (const spare of retiring) {
    if (troubled.has(spare.placement)) continue;
    if (dropped === BUDGET.dropped) break;
    try {
      await dropSpare(ctx, spare);
      dropped++;
    } catch (error) {
      troubled.add(spare.placement);
      ctx.log.warn({ err: error, schema: spare.schema_name }, "a spare isn't dropped yet");
    }
  }
  return { dropped, troubled };
}

/** A worker of an earlier version makes no spares that the later ones would only drop again. */
async function hasNewer(ctx: TenancyContext, { blueprint, version }: CompiledBlueprint): Promise<boolean> {
  const row = await ctx.control
    .selectFrom("spares")
    .select("id")
    .where("blueprint", "=", blueprint.name)
    .where((eb) => eb(sql`version collate "C"`, ">", version))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function workWaits(ctx: TenancyContext): Promise<boolean> {
  const row = await ctx.control
    .selectFrom("operations")
    .select("id")
    .where("state", "in", ["queued", "running"])
    .where("children", "is", null)
    .where("available_at", "<=", sql<Date>`now()`)
    .where("kind", "not in", ["backup", "verify-backup"])
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
