import { SQLSTATE, sqlState } from "@tenantry/schema";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";

/** What PostgreSQL says where a tenant was looked for and no longer is: no table, no right, no role. */
const GONE: ReadonlySet<string> = new Set([
  SQLSTATE.undefinedTable,
  SQLSTATE.undefinedFunction,
  SQLSTATE.insufficientPrivilege,
  SQLSTATE.invalidParameterValue,
]);

/**
 * The trouble of somebody who met a tenant on its way to another server, or was told where it is before it moved; undefined
 * for any other error. Nothing was changed: the transaction has failed.
 */
export async function movedError(
  ctx: TenancyContext,
  tenant: { readonly role_name: string; readonly placement: string },
  error: unknown,
): Promise<TenancyError | undefined> {
  if (!GONE.has(sqlState(error) ?? "")) return undefined;
  const row = await ctx.control
    .selectFrom("tenants")
    .select((eb) => [
      "placement",
      eb
        .exists(
          eb
            .selectFrom("moves")
            .innerJoin("operations", "operations.id", "moves.operation_id")
            .select("operation_id")
            .whereRef("moves.tenant_id", "=", "tenants.id")
            .whereRef("moves.from", "=", "tenants.placement")
            .where("closed_at", "is not", null)
            .where("operations.state", "!=", "succeeded"),
        )
        .as("leaving"),
    ])
    .where("role_name", "=", tenant.role_name)
    .executeTakeFirst()
    // What went wrong first says more.
    .catch(() => undefined);
  if (row === undefined || (row.placement === tenant.placement && row.leaving !== true)) return undefined;
  return new TenancyError("UNAVAILABLE", "The tenant has moved to another server just now.", {
    retryable: true,
    retryAfterSeconds: 1,
    hint: "Ask again, where it lives as well.",
    cause: error,
  });
}
