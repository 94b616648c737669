import type { TenancyContext } from "./context.ts";
import type { LicenseRow, TenantRow } from "./license-view.ts";
import { changeLimits } from "./limits.ts";

/**
 * Whoever changes a license's limits while its tenant is being made finds no tenant to change: the seed already has the
 * old numbers. Read after the tenant is ready, the license says what it came to; a later change finds the tenant.
 *
 * @param seeded null when that isn't known any more.
 */
export async function settleLimits(
  ctx: TenancyContext,
  seeded: Pick<LicenseRow, "max_users" | "max_branches"> | null,
  tenant: TenantRow,
): Promise<void> {
  const now = await ctx.control
    .selectFrom("licenses")
    .select(["max_users", "max_branches"])
    .where("id", "=", tenant.license_id)
    .executeTakeFirst();
  if (now === undefined) return;
  if (now.max_users === seeded?.max_users && now.max_branches === seeded.max_branches) return;
  await ctx.control.transaction().execute(async (transaction) => {
    const { max_users, max_branches } = await transaction
      .selectFrom("licenses")
      .select(["max_users", "max_branches"])
      .where("id", "=", tenant.license_id)
      .forNoKeyUpdate()
      .executeTakeFirstOrThrow();
    await changeLimits(ctx, tenant, { maxUsers: max_users, maxBranches: max_branches });
  });
}
