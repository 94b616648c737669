import { SQLSTATE, sqlState } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { TenancyError, validationError } from "../errors.ts";
import { assertNewServer, identifyServer, urlFaults } from "./placement-server.ts";
import { placementNotFound } from "./placement-url.ts";
import { sealUrl } from "./sealed-url.ts";

/** A placement as ops see it. */
export interface PlacementEntry {
  readonly name: string;
  /** Host, port and database. Empty when the stored address can't be read. */
  readonly server: string;
  readonly draining: boolean;
  /** Those that were deleted don't count. */
  readonly tenants: number;
}

const NAME = /^[a-z][a-z0-9-]{0,30}$/;

/** All servers, by name. */
export async function listPlacements(ctx: TenancyContext): Promise<PlacementEntry[]> {
  const rows = await ctx.control
    .selectFrom("placements")
    .select((eb) => [
      "name",
      "draining",
      eb
        .selectFrom("tenants")
        .select(sql<number>`count(*)::integer`.as("count"))
        .whereRef("tenants.placement", "=", "placements.name")
        .where("tenants.state", "!=", "deleted")
        .as("tenants"),
    ])
    .orderBy("name")
    .execute();
  return Promise.all(
    rows.map(async ({ name, draining, tenants }) => {
      const placement = await ctx.placements.of(name).catch(() => null);
      return { name, server: placement?.server ?? "", draining, tenants: tenants ?? 0 };
    }),
  );
}

/**
 * Takes another server into use: new tenants go to it from now on. It was asked before whether it is one: new enough, not
 * one that we have, and open to what Tenantry does there. The address is kept sealed.
 *
 * @throws TenancyError VALIDATION_FAILED; STATE_CONFLICT for a name or a server that is in use; PLACEMENT_UNAVAILABLE.
 */
export async function addPlacement(
  ctx: TenancyContext,
  input: { readonly name: string; readonly url: string },
  actor: string,
): Promise<PlacementEntry> {
  const { name, url } = input;
  const faults = [
    ...(NAME.test(name)
      ? []
      : [{ pointer: "/name", detail: "must be 1 to 31 small letters, digits and hyphens, a letter first" }]),
    ...urlFaults(url),
  ];
  if (faults.length > 0) throw validationError(faults);
  await assertNewServer(ctx, await identifyServer(url));
  try {
    await ctx.control
      .insertInto("placements")
      .values({ name, url: sealUrl(ctx, name, url), added_by: actor })
      .execute();
  } catch (error) {
    if (sqlState(error) !== SQLSTATE.uniqueViolation) throw error;
    throw new TenancyError("STATE_CONFLICT", `There is a placement ${name} already.`, {
      hint: "Choose another name; `tenantry placement list` shows those in use.",
    });
  }
  return entryOf(ctx, name);
}

/**
 * Has a server take no new tenants, or take them again. Those that are there stay until they are moved.
 *
 * @throws TenancyError PLACEMENT_NOT_FOUND
 */
export async function drainPlacement(
  ctx: TenancyContext,
  name: string,
  draining: boolean,
  actor: string,
): Promise<PlacementEntry> {
  const { numUpdatedRows } = await ctx.control
    .updateTable("placements")
    .set({ draining })
    .where("name", "=", name)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw placementNotFound(name);
  ctx.log.info({ placement: name, draining, actor }, "placement changed");
  return entryOf(ctx, name);
}

/**
 * One server as `listPlacements` gives it.
 *
 * @throws TenancyError PLACEMENT_NOT_FOUND
 */
export async function entryOf(ctx: TenancyContext, name: string): Promise<PlacementEntry> {
  const entry = (await listPlacements(ctx)).find((candidate) => candidate.name === name);
  if (entry === undefined) throw placementNotFound(name);
  return entry;
}
