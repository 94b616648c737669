import type { ArchivedLicense, ArchiveSubject } from "@tenantry/archive";
import type { ControlDatabase } from "@tenantry/schema";
import { TenancyError } from "../errors.ts";
import type { TenantRow } from "../license-view.ts";

/** A tenant and its license, as a backup has to know them. */
export interface BackedUpTenant {
  readonly tenant: TenantRow;
  readonly licenseKey: string;
  readonly subject: ArchiveSubject;
}

/**
 * The license's record goes into the archive as it is, but for its administrator's hash, which its tenant holds.
 *
 * @throws TenancyError TENANT_NOT_FOUND
 */
export async function loadBackedUp(
  control: ControlDatabase,
  licenseId: string | null,
): Promise<BackedUpTenant> {
  const [license, tenant] = await Promise.all([
    control.selectFrom("licenses").selectAll().where("id", "=", licenseId).executeTakeFirst(),
    control.selectFrom("tenants").selectAll().where("license_id", "=", licenseId).executeTakeFirst(),
  ]);
  if (license === undefined || tenant === undefined) {
    throw new TenancyError("TENANT_NOT_FOUND", "The operation's license or tenant is gone.");
  }
  const { admin_password_hash: _, ...record } = license;
  return {
    tenant,
    licenseKey: license.key,
    subject: {
      license: JSON.parse(JSON.stringify(record)) as ArchivedLicense,
      tenant: {
        id: tenant.id,
        schema: tenant.schema_name,
        role: tenant.role_name,
        blueprint: tenant.blueprint,
        version: tenant.version ?? "",
        placement: tenant.placement,
      },
    },
  };
}
