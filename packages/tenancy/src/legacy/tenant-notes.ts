import { LIMIT_NAMES, quoteIdentifier } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import type { TenantRow } from "../license-view.ts";
import { limitUse } from "../limits.ts";
import { placementOf } from "../placement.ts";

/** What somebody should know of a tenant that came in with its data: more in it than its license allows, no admin. */
export async function tenantNotes(ctx: TenancyContext, tenant: TenantRow): Promise<string[]> {
  const notes: string[] = [];
  const uses = await limitUse(ctx, tenant);
  for (const name of LIMIT_NAMES) {
    const use = uses?.[name];
    if (use !== undefined && use.max !== null && use.used > use.max) {
      notes.push(
        `It has ${use.used} active ${name} and its license allows ${use.max}: all came in, and no more are let in.`,
      );
    }
  }
  if (ctx.blueprints.get(tenant.blueprint)?.blueprint.signIn === true && !(await hasAdmin(ctx, tenant))) {
    notes.push("It has no active admin user: nobody manages it until one is made.");
  }
  return notes;
}

async function hasAdmin(ctx: TenancyContext, tenant: TenantRow): Promise<boolean> {
  const users = `${quoteIdentifier(tenant.schema_name)}.users`;
  const { provisioning } = await placementOf(ctx, tenant);
  const { rows } = await provisioning.query<{ there: boolean }>(
    `SELECT EXISTS (SELECT FROM ${users} WHERE is_admin AND is_active IS NOT FALSE) AS there`,
  );
  return rows[0]?.there === true;
}
