import type { LicensesTable, TenantState, TenantsTable } from "@tenantry/schema";
import type { Selectable } from "kysely";
import { type LicenseStatus, licenseStatus } from "./license-status.ts";

/** A license as users of the API and the CLI see it. */
export interface License {
  readonly key: string;
  readonly status: LicenseStatus;
  readonly suspensionReason?: string;
  readonly clientName: string;
  readonly email: string | null;
  readonly phone: string | null;
  readonly company: string | null;
  readonly licenseType: string;
  readonly maxUsers: number;
  readonly maxBranches: number;
  readonly blueprint: string;
  readonly createdAt: string;
  readonly activatedAt: string | null;
  readonly expiresAt: string | null;
  readonly notes: string | null;
}

export interface Tenant {
  readonly schema: string;
  readonly state: TenantState;
  readonly blueprint: string;
  readonly version: string | null;
  readonly placement: string;
}

export type LicenseRow = Selectable<LicensesTable>;
export type TenantRow = Selectable<TenantsTable>;

/** The outside view of a license. Leaves out the administrator's hash and the internal id. */
export function toLicense(row: Omit<LicenseRow, "admin_password_hash">, now: Date): License {
  return {
    key: row.key,
    status: licenseStatus(row, now),
    ...(row.suspension_reason === null ? {} : { suspensionReason: row.suspension_reason }),
    clientName: row.client_name,
    email: row.email,
    phone: row.phone,
    company: row.company,
    licenseType: row.license_type,
    maxUsers: row.max_users,
    maxBranches: row.max_branches,
    blueprint: row.blueprint,
    createdAt: row.created_at.toISOString(),
    activatedAt: row.activated_at?.toISOString() ?? null,
    expiresAt: row.expires_at?.toISOString() ?? null,
    notes: row.notes,
  };
}

export function toTenant(
  row: Pick<TenantRow, "schema_name" | "state" | "blueprint" | "version" | "placement">,
): Tenant {
  return {
    schema: row.schema_name,
    state: row.state,
    blueprint: row.blueprint,
    version: row.version,
    placement: row.placement,
  };
}
