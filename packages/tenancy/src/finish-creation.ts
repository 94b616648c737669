import type { ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import { type Claim, underClaim } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import type { TenantRow } from "./license-view.ts";
import { nextTenantState } from "./tenant-state.ts";

/** What a finished create-tenant operation says of the tenant. */
export interface CreateTenantResult {
  readonly licenseKey: string;
  readonly schema: string;
  readonly blueprint: string;
  readonly version: string;
  readonly tables: number;
  /** It was made ahead, by the warm pool. */
  readonly warm?: true;
}

/** Tenant ready, license active, operation succeeded: one statement, or nothing when the claim is lost. */
export function finishCreation(
  ctx: TenancyContext,
  control: ControlDatabase,
  claim: Claim,
  tenant: TenantRow,
  result: CreateTenantResult,
) {
  const ready = nextTenantState("provisioning", "provisioned");
  if (ready === undefined) throw new Error("a provisioned tenant has no next state");
  return control
    .with("done", () =>
      underClaim({ ...ctx, control }, claim)
        .set({
          state: "succeeded",
          finished_at: sql<Date>`now()`,
          percent: 100,
          step: "ready",
          message: `Tenant ${tenant.schema_name} is ready`,
          result: JSON.stringify(result),
        })
        .returning(["id", "worker", "license_id"]),
    )
    .with("tenant", (db) =>
      db
        .updateTable("tenants")
        .from("done")
        .set({ state: ready, version: result.version, ready_at: sql<Date>`now()` })
        .whereRef("tenants.license_id", "=", "done.license_id")
        .where("tenants.state", "=", "provisioning")
        .returning("tenants.id"),
    )
    .with("license", (db) =>
      db
        .updateTable("licenses")
        .from("done")
        .set({
          activated_at: sql<Date>`coalesce(licenses.activated_at, now())`,
          admin_password_hash: null,
        })
        .whereRef("licenses.id", "=", "done.license_id")
        // Left to itself PostgreSQL takes the last first; whoever changes a license takes its tenant first.
        .where(({ selectFrom, fn }) => selectFrom("tenant").select(fn.countAll().as("rows")), ">=", 0),
    )
    .insertInto("operation_events")
    .columns(["operation_id", "type", "actor"])
    .expression((eb) =>
      eb
        .selectFrom("done")
        .select((select) => [
          "done.id",
          select.val("succeeded" as const).as("type"),
          sql<string>`'worker:' || done.worker`.as("actor"),
        ]),
    );
}
