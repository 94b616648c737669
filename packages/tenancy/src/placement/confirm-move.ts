import { isTransient } from "@tenantry/schema";
import { backupError } from "../backup/backup-error.ts";
import { dropMoved } from "../backup/kept-schemas.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import { assertNotMoving } from "./moving.ts";

/**
 * Drops what moves of a license's tenant have left on servers that it lived on. May be broken off and asked for again.
 *
 * @throws TenancyError LICENSE_NOT_FOUND; STATE_CONFLICT when nothing is left, or while a move is under way; UNAVAILABLE.
 */
export async function confirmMove(
  ctx: TenancyContext,
  input: { readonly licenseKey: string },
  actor: string,
): Promise<void> {
  const key = normalizeLicenseKey(input.licenseKey);
  const tenant = await ctx.control
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select("tenants.id")
    .where("licenses.key", "=", key)
    .executeTakeFirst();
  if (tenant === undefined) throw new TenancyError("LICENSE_NOT_FOUND", "There is no license with that key.");
  await assertNotMoving(ctx.control, tenant.id);
  try {
    if ((await dropMoved(ctx, tenant.id)) === 0) {
      throw new TenancyError("STATE_CONFLICT", "Nothing of this tenant is left on another server.", {
        hint: "Nothing is left to do.",
      });
    }
  } catch (error) {
    if (error instanceof TenancyError || !isTransient(error)) throw backupError(error, "RESTORE_FAILED");
    throw await away(ctx, tenant.id, key, error);
  }
  ctx.log.info({ licenseKey: key, actor }, "what a move had left was dropped");
}

/** Nobody tries this again but who asked. */
async function away(
  ctx: TenancyContext,
  tenantId: string,
  key: string,
  cause: unknown,
): Promise<TenancyError> {
  const left = await ctx.control
    .selectFrom("kept_schemas")
    .select("placement")
    .distinct()
    .where("tenant_id", "=", tenantId)
    .where("reason", "=", "move")
    .orderBy("placement")
    .execute();
  const servers = left.map(({ placement }) => placement).join(", ");
  return new TenancyError(
    "UNAVAILABLE",
    `PostgreSQL is away or busy; not all is dropped yet on ${servers}.`,
    {
      retryable: true,
      hint: `See that the server is up, then confirm again: \`tenantry tenant confirm-move ${key}\`.`,
      cause,
    },
  );
}
