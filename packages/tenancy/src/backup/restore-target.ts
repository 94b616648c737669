import { randomUUIDv7 } from "node:crypto";
import type { ControlDatabase, TenantState } from "@tenantry/schema";
import { DEFAULT_PLACEMENT, type TenancyContext } from "../context.ts";
import { newTenant } from "../create-license.ts";
import { TenancyError } from "../errors.ts";
import { generateLicenseKey } from "../license-key.ts";
import type { LicenseRow } from "../license-view.ts";
import { choosePlacements } from "../placement/choose-placement.ts";
import { nextSchemaName } from "../schema-name.ts";
import { nextTenantState } from "../tenant-state.ts";
import type { ReadyBackup } from "./backup-view.ts";

/** What a backup comes back into. */
export interface RestoreTarget {
  readonly licenseId: string;
  readonly tenantId: string;
}

/** The tenant that a backup is of, as it is here; locked, so that nothing else begins with it meanwhile. */
export function lockTenantOf(transaction: ControlDatabase, backupId: string) {
  return transaction
    .selectFrom("tenants")
    .innerJoin("backups", "backups.license_id", "tenants.license_id")
    .select(["tenants.id", "tenants.license_id", "tenants.state"])
    .where("backups.id", "=", backupId)
    .forUpdate("tenants")
    .executeTakeFirst();
}

type LockedTenant = Awaited<ReturnType<typeof lockTenantOf>>;

/**
 * @throws TenancyError STATE_CONFLICT, TENANT_NOT_READY
 */
export function replacedTenant({ license_key }: ReadyBackup, tenant: LockedTenant): RestoreTarget {
  if (tenant === undefined) {
    throw new TenancyError("STATE_CONFLICT", `License ${license_key} isn't of this installation.`, {
      hint: "Bring the backup back as a new license: `tenantry backup restore ID --copy`.",
    });
  }
  assertReplaceable(tenant.state);
  return { licenseId: tenant.license_id, tenantId: tenant.id };
}

/**
 * A tenant in use can be replaced, and one that was deleted can come back.
 *
 * @throws TenancyError STATE_CONFLICT, TENANT_NOT_READY
 */
export function assertReplaceable(state: TenantState): void {
  if (nextTenantState(state, "restored") !== undefined) return;
  if (state === "deleting") {
    throw new TenancyError("STATE_CONFLICT", "The tenant is being deleted.", {
      hint: "Wait for the deletion's end, or cancel it first; a deleted tenant can be restored.",
    });
  }
  throw new TenancyError("TENANT_NOT_READY", `The tenant is ${state}: there is nothing to replace yet.`, {
    hint: "Have it made first (`tenantry operation retry`), or bring the backup back as a new license: `tenantry backup restore ID --copy`.",
  });
}

/**
 * @throws TenancyError STATE_CONFLICT
 */
export function assertNotErased({ erased_at }: Pick<LicenseRow, "erased_at">): void {
  if (erased_at === null) return;
  throw new TenancyError("STATE_CONFLICT", "The license was erased; nothing of it comes back.", {
    hint: "Nothing is left to do.",
  });
}

/**
 * A license and its tenant, still without anything. What was sold is in the archive, which is read from its end to its
 * beginning before any of it counts: until then the license says only whose copy it is.
 */
export async function insertCopy(
  ctx: TenancyContext,
  transaction: ControlDatabase,
  backup: ReadyBackup,
  key: string = generateLicenseKey(),
): Promise<RestoreTarget> {
  const compiled = ctx.blueprints.get(backup.blueprint ?? "");
  if (compiled === undefined) throw new Error("a backup's blueprint is looked for before it is copied");
  const { name, schemaNaming } = compiled.blueprint;
  const now = new Date();
  const license = blankLicense(key, name, `Copy of ${backup.license_key}`, now);
  const schema = await nextSchemaName(transaction, name, schemaNaming, key);
  const [placement = DEFAULT_PLACEMENT] = await choosePlacements(transaction, 1);
  const tenant = newTenant(license, schema, placement, now);
  await transaction
    .insertInto("licenses")
    .values({ ...license, parameters: JSON.stringify(license.parameters) })
    .execute();
  await transaction.insertInto("tenants").values(tenant).execute();
  return { licenseId: license.id, tenantId: tenant.id };
}

function blankLicense(key: string, blueprint: string, clientName: string, now: Date): LicenseRow {
  return {
    id: randomUUIDv7(),
    key,
    client_name: clientName,
    email: null,
    phone: null,
    company: null,
    license_type: "trial",
    max_users: 1,
    max_branches: 1,
    blueprint,
    parameters: {},
    is_active: true,
    suspended_at: null,
    suspension_reason: null,
    notes: null,
    admin_username: null,
    admin_password_hash: null,
    created_at: now,
    activated_at: null,
    expires_at: null,
    erased_at: null,
  };
}
