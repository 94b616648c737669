import { isTransient, schemaBytes } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import { placementOf } from "../placement.ts";
import { type ChosenTenant, readyTenants } from "./chosen-tenants.ts";

/** Tenants of each version, drawn by lot, whose sizes are looked up: asking all would take longer the more there are. */
const DRAWN = 60;

export interface SampledTenant extends ChosenTenant {
  /** What its tables take on disk. */
  readonly bytes: number;
}

/**
 * Tenants of a blueprint that are behind: of each version the largest, then the largest of all, then any; the largest of those
 * that the lot has drawn.
 *
 * @param size how many
 */
export async function chooseSample(
  ctx: TenancyContext,
  {
    blueprint,
    version,
    size,
  }: { readonly blueprint: string; readonly version: string; readonly size: number },
): Promise<SampledTenant[]> {
  const behind = await ctx.control
    .selectFrom("tenants")
    .select("version")
    .distinct()
    .where("blueprint", "=", blueprint)
    .where("state", "=", "ready")
    .where("version", "!=", version)
    .orderBy("version")
    .execute();
  const drawn: SampledTenant[][] = [];
  for (const each of behind) {
    const rows = await readyTenants(ctx, { blueprint })
      .where("tenants.version", "=", each.version)
      .orderBy(sql`random()`)
      .limit(DRAWN)
      .execute();
    drawn.push(
      await measured(
        ctx,
        rows.map((row) => ({ ...row, version: row.version ?? "" })),
      ),
    );
  }
  return spread(drawn, size);
}

/** With their sizes; 0 for one that can't be asked, which the rehearsal will tell. */
export async function measured(
  ctx: TenancyContext,
  tenants: readonly ChosenTenant[],
): Promise<SampledTenant[]> {
  const sampled: SampledTenant[] = [];
  for (const tenant of tenants) {
    const bytes = await placementOf(ctx, tenant)
      .then(({ provisioning }) => schemaBytes(provisioning, tenant.schema))
      .catch((error: unknown) => {
        if (error instanceof TenancyError || isTransient(error)) return 0;
        throw error;
      });
    sampled.push({ ...tenant, bytes });
  }
  return sampled;
}

/** Half of what the versions leave goes to the largest, the rest to the first that the lot has drawn. */
export function spread<T extends { readonly bytes: number }>(
  drawn: readonly (readonly T[])[],
  size: number,
): T[] {
  const bySize = (one: T, other: T): number => other.bytes - one.bytes;
  const chosen = new Set<T>();
  const take = (from: readonly T[], upTo: number): void => {
    for (const each of from) if (chosen.size < upTo) chosen.add(each);
  };
  take(
    drawn.flatMap((version) => [...version].sort(bySize).slice(0, 1)),
    size,
  );
  take([...drawn.flat()].sort(bySize), chosen.size + Math.ceil((size - chosen.size) / 2));
  const longest = Math.max(0, ...drawn.map(({ length }) => length));
  for (let place = 0; place < longest; place++) {
    take(
      drawn.flatMap((version) => version[place] ?? []),
      size,
    );
  }
  return [...chosen];
}
