import type { ControlDatabase } from "@tenantry/schema";
import { acceptOperation, type WorkOutcome } from "../accept-operation.ts";
import { insertBackup } from "../backup/order-backup.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { Caller } from "../idempotency.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import type { RunAnswer } from "../run.ts";
import { assertNothingElse } from "../tenant-in-use.ts";
import { assertReady } from "../with-tenant.ts";
import { placementNotFound } from "./placement-url.ts";

/**
 * Accepts that a license's tenant is moved to another server.
 *
 * @throws TenancyError LICENSE_NOT_FOUND, PLACEMENT_NOT_FOUND, TENANT_NOT_READY; STATE_CONFLICT when it lives there already,
 * when that server drains, and while something else is done with the tenant; IDEMPOTENCY_KEY_REUSED.
 */
export async function orderMove(
  ctx: TenancyContext,
  input: { readonly licenseKey: string; readonly to: string },
  caller: Caller,
): Promise<WorkOutcome<RunAnswer>> {
  const key = normalizeLicenseKey(input.licenseKey);
  let tenant: MovedTenant | undefined;
  return acceptOperation(
    ctx,
    {
      kind: "move-tenant",
      input: { to: input.to },
      lock: async (transaction) => {
        tenant = await lockTenant(transaction, key);
      },
      check: async (transaction) => {
        if (tenant === undefined)
          throw new TenancyError("LICENSE_NOT_FOUND", "There is no license with that key.");
        assertReady(tenant);
        await assertTakes(transaction, input.to);
        if (tenant.placement === input.to) {
          throw new TenancyError("STATE_CONFLICT", `The tenant lives on ${input.to} already.`, {
            hint: "Nothing is left to do.",
          });
        }
        return { licenseId: tenant.license_id };
      },
      prepare: async (transaction, operationId) => {
        if (tenant === undefined) throw new Error("a move is checked before it is prepared");
        const { id, license_id, placement } = tenant;
        await assertNothingElse(transaction, license_id, operationId);
        await transaction
          .insertInto("moves")
          .values({ operation_id: operationId, license_id, tenant_id: id, from: placement, to: input.to })
          .execute();
        await insertBackup(transaction, {
          operationId,
          kind: "tenant",
          licenseId: license_id,
          licenseKey: key,
        });
        return {};
      },
    },
    caller,
  );
}

type MovedTenant = NonNullable<Awaited<ReturnType<typeof lockTenant>>>;

function lockTenant(transaction: ControlDatabase, key: string) {
  return transaction
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select(["tenants.id", "tenants.license_id", "tenants.state", "tenants.placement"])
    .where("licenses.key", "=", key)
    .forUpdate("tenants")
    .executeTakeFirst();
}

async function assertTakes(transaction: ControlDatabase, name: string): Promise<void> {
  const placement = await transaction
    .selectFrom("placements")
    .select("draining")
    .where("name", "=", name)
    .forShare()
    .executeTakeFirst();
  if (placement === undefined) throw placementNotFound(name);
  if (!placement.draining) return;
  throw new TenancyError("STATE_CONFLICT", `Placement ${name} drains: it takes no tenants.`, {
    hint: `Choose another one, or let it take tenants again: \`tenantry placement drain ${name} --undo\`.`,
  });
}
