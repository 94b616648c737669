import { setTimeout as wait } from "node:timers/promises";
import { DEFAULT_PLACEMENT, type TenancyContext } from "../context.ts";
import { TenancyError, validationError } from "../errors.ts";
import { assertNewServer, identifyServer, schemasThere, urlFaults } from "./placement-server.ts";
import { ADDRESS_AGE_MS, placementNotFound } from "./placement-url.ts";
import { entryOf, type PlacementEntry } from "./placements.ts";
import { sealUrl } from "./sealed-url.ts";

/** For who has asked for the address just before it changed. */
const MARGIN_MS = 500;

export interface Readdressed {
  readonly placement: PlacementEntry;
  /** License keys of tenants that aren't on the server: each waits for a restore. */
  readonly missing: readonly string[];
}

/**
 * Says that a placement is to be reached elsewhere from now on: with another password, under another name, or, with `lost`,
 * on a new server in the place of one that is gone for good. Resolves when every process has taken it up: what is begun then
 * goes to the new address.
 *
 * @throws TenancyError PLACEMENT_NOT_FOUND; VALIDATION_FAILED; PLACEMENT_UNAVAILABLE; STATE_CONFLICT for a server that is
 * another placement's, and, without `lost`, for one that hasn't the placement's tenants.
 */
export async function readdressPlacement(
  ctx: TenancyContext,
  input: { readonly name: string; readonly url: string; readonly lost: boolean },
  actor: string,
): Promise<Readdressed> {
  const { name, url, lost } = input;
  const faults = urlFaults(url);
  if (faults.length > 0) throw validationError(faults);
  if (name === DEFAULT_PLACEMENT) {
    throw new TenancyError("STATE_CONFLICT", "The default placement is where DATABASE_URL points.", {
      hint: "Set DATABASE_URL for API, worker and CLI. Is that server gone, see docs/disaster-recovery.md.",
    });
  }
  // Also tells a placement that isn't there.
  await entryOf(ctx, name);
  await assertNewServer(ctx, await identifyServer(url), name);
  const missing = await missingAt(ctx, name, url);
  if (missing.length > 0 && !lost) {
    throw new TenancyError(
      "STATE_CONFLICT",
      `${missing.length} of the placement's tenants aren't in that database.`,
      {
        hint: "Give the database that has them. Is the old server gone for good, say so with --lost, and restore them from their backups.",
      },
    );
  }
  const { numUpdatedRows } = await ctx.control
    .updateTable("placements")
    .set({ url: sealUrl(ctx, name, url) })
    .where("name", "=", name)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw placementNotFound(name);
  await wait(ADDRESS_AGE_MS + MARGIN_MS);
  ctx.log.info({ placement: name, missing: missing.length, actor }, "placement readdressed");
  return { placement: await entryOf(ctx, name), missing };
}

async function missingAt(ctx: TenancyContext, name: string, url: string): Promise<string[]> {
  const tenants = await ctx.control
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select(["licenses.key", "tenants.schema_name"])
    .where("tenants.placement", "=", name)
    .where("tenants.state", "in", ["ready", "deleting"])
    .orderBy("licenses.key")
    .execute();
  const there = await schemasThere(
    url,
    tenants.map(({ schema_name }) => schema_name),
  );
  return tenants.filter(({ schema_name }) => !there.has(schema_name)).map(({ key }) => key);
}
