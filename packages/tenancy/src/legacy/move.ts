import { TenancyError } from "../errors.ts";
import type { LicenseRow, TenantRow } from "../license-view.ts";
import type { OperationWork } from "../operation-work.ts";
import type { ClaimWatch } from "./claim-watch.ts";
import type { Moving } from "./moving.ts";

/** A license that is being moved, its rows held, and the tenant that is made for it. */
export interface Move {
  readonly work: OperationWork;
  readonly moving: Moving;
  readonly license: LicenseRow;
  readonly tenant: TenantRow;
  readonly watch: ClaimWatch;
}

export function reportStep(
  work: OperationWork,
  percent: number,
  step: string,
  message: string,
  done = 0,
  total = 0,
): void {
  work.report({ percent, step, message, done, total });
}

/** A number as people read it. */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

export function nameTaken(tenant: TenantRow, what: "schema" | "role"): TenancyError {
  return what === "schema"
    ? new TenancyError("SCHEMA_TAKEN", `Schema ${tenant.schema_name} exists and isn't this tenant's.`)
    : new TenancyError("ROLE_TAKEN", `Role ${tenant.role_name} exists and isn't this tenant's.`);
}
