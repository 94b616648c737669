import { randomUUIDv7 } from "node:crypto";
import { type ControlDatabase, SQLSTATE, sqlState } from "@tenantry/schema";
import { sql } from "kysely";
import { underClaim } from "../claim.ts";
import { DEFAULT_PLACEMENT, type TenancyContext } from "../context.ts";
import { createdEvent, newTenant } from "../create-license.ts";
import { TenancyError } from "../errors.ts";
import type { LicenseRow, TenantRow } from "../license-view.ts";
import type { OperationWork } from "../operation-work.ts";
import { choosePlacements } from "../placement/choose-placement.ts";
import { nextTenantState } from "../tenant-state.ts";
import { existingConflict } from "./existing-licenses.ts";
import { legacySchemaName } from "./legacy-schema-name.ts";
import type { Moving } from "./moving.ts";

export type HoldOutcome =
  /** The license and its tenant, `provisioning`, are this operation's to make. */
  | { readonly kind: "held"; readonly license: LicenseRow; readonly tenant: TenantRow }
  /** It has a tenant, or gets one from somebody else. `licenseId` is whose. */
  | { readonly kind: "skipped"; readonly licenseId: string; readonly why: string }
  | { readonly kind: "canceled" | "superseded" };

/**
 * Makes a license's rows, or takes up those that this operation or an earlier import left, in one commit under the claim
 * and under a lock on the license's key: of two runs that move the same license at once one gets it.
 *
 * @throws TenancyError STATE_CONFLICT for a license that was deleted, that fails for existing, or that was sold here and
 * whose tenant could not be made.
 */
export async function holdLicense(
  ctx: TenancyContext,
  work: OperationWork,
  moving: Moving,
): Promise<HoldOutcome> {
  const hold = ctx.control.transaction().execute(async (transaction): Promise<HoldOutcome> => {
    const held = await underClaim({ ...ctx, control: transaction }, work.claim)
      .set({ heartbeat_at: sql<Date>`now()` })
      .returning("cancel_requested_at")
      .executeTakeFirst();
    if (held === undefined) return { kind: "superseded" };
    if (held.cancel_requested_at !== null) return { kind: "canceled" };
    await lockKey(transaction, moving.item.license_key);
    const existing = await findExisting(transaction, moving.item.license_key);
    return existing === null
      ? insertNew(transaction, work, moving)
      : takeUp(transaction, work, moving, existing);
  });
  return hold.catch((error: unknown) => {
    if (sqlState(error) !== SQLSTATE.uniqueViolation) throw error;
    // Two keys may come to one schema's name: whoever comes second finds it taken when it looks again.
    throw new TenancyError(
      "UNAVAILABLE",
      "Somebody took the license's key or schema name at the same moment.",
      {
        retryable: true,
        cause: error,
      },
    );
  });
}

async function lockKey(transaction: ControlDatabase, key: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`tenantry license ${key}`}, 0))`.execute(
    transaction,
  );
}

interface Existing {
  readonly license: LicenseRow;
  readonly tenant: TenantRow;
}

/** Locks a license that is here already, and its tenant: tenant first, in the order of whoever else changes one. */
async function findExisting(transaction: ControlDatabase, key: string): Promise<Existing | null> {
  // One that can be seen has its tenant, of the same commit: asked for first, the tenant of a license that comes just then
  // would be missed.
  const known = await transaction
    .selectFrom("licenses")
    .select("id")
    .where("key", "=", key)
    .executeTakeFirst();
  if (known === undefined) return null;
  const tenant = await transaction
    .selectFrom("tenants")
    .selectAll()
    .where("license_id", "=", known.id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  const license = await transaction
    .selectFrom("licenses")
    .selectAll()
    .where("key", "=", key)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (license === undefined) return null;
  if (tenant === undefined) {
    throw new TenancyError("TENANT_NOT_FOUND", "The license is here already, and has no tenant.");
  }
  return { license, tenant };
}

async function insertNew(
  transaction: ControlDatabase,
  work: OperationWork,
  moving: Moving,
): Promise<HoldOutcome> {
  const { blueprint } = moving.known.blueprint;
  const now = new Date();
  const license: LicenseRow = {
    id: randomUUIDv7(),
    key: moving.item.license_key,
    blueprint: blueprint.name,
    ...licenseValues(moving, now),
  };
  const schema = await legacySchemaName(transaction, blueprint.name, blueprint.schemaNaming, {
    key: license.key,
    wanted: moving.facts.schema,
  });
  await transaction
    .insertInto("licenses")
    .values({ ...license, parameters: JSON.stringify(license.parameters) })
    .execute();
  const [placement = DEFAULT_PLACEMENT] = await choosePlacements(transaction, 1);
  const tenant = await transaction
    .insertInto("tenants")
    .values(newTenant(license, schema, placement, now))
    .returningAll()
    .executeTakeFirstOrThrow();
  const caller = { actor: moving.actor, apiKeyId: null, idempotency: null };
  await transaction
    .insertInto("license_events")
    .values({ ...createdEvent(license, caller), reason: provenance(moving) })
    .execute();
  await own(transaction, work, moving, tenant);
  return { kind: "held", license, tenant };
}

async function takeUp(
  transaction: ControlDatabase,
  work: OperationWork,
  moving: Moving,
  { license, tenant }: Existing,
): Promise<HoldOutcome> {
  const { onExisting } = moving.input;
  const conflict = existingConflict(tenant.state, onExisting);
  if (conflict !== null) throw conflict;
  const skipped = (why: string): HoldOutcome => ({ kind: "skipped", licenseId: license.id, why });
  if (tenant.state === "ready") return skipped("It has a tenant already, which was left as it is.");
  if (moving.item.tenant_id === tenant.id) {
    await reopen(transaction, tenant);
    return { kind: "held", license, tenant };
  }
  const other = await unfinishedOperation(transaction, license.id, work.operation.id);
  if (other !== null) {
    if (onExisting === "skip") return skipped(`Operation ${other} is making its tenant.`);
    throw new TenancyError("STATE_CONFLICT", `Operation ${other} is making the license's tenant.`);
  }
  if (
    !(await wasImporting(transaction, tenant.id)) ||
    license.blueprint !== moving.known.blueprint.blueprint.name
  ) {
    throw new TenancyError(
      "STATE_CONFLICT",
      "The license was sold here, and its tenant couldn't be made. An import doesn't replace it.",
      { hint: "Retry its own operation, or delete it: `tenantry doctor KEY` tells more." },
    );
  }
  const values = licenseValues(moving, new Date());
  await transaction
    .updateTable("licenses")
    .set({ ...values, parameters: JSON.stringify(values.parameters) })
    .where("id", "=", license.id)
    .execute();
  await transaction
    .insertInto("license_events")
    .values({ license_id: license.id, type: "changed", actor: moving.actor, reason: provenance(moving) })
    .execute();
  await reopen(transaction, tenant);
  await own(transaction, work, moving, tenant);
  return { kind: "held", license: { ...license, ...values }, tenant };
}

/** Everything of the license's row that the source decides. */
function licenseValues({ item, facts }: Moving, now: Date): Omit<LicenseRow, "id" | "key" | "blueprint"> {
  const strayReason = facts.isSuspended ? null : facts.suspensionReason;
  const notes = [facts.notes, strayReason === null ? null : `Suspension reason: ${strayReason}`];
  return {
    client_name: item.client_name,
    email: facts.email,
    phone: facts.phone,
    company: facts.company,
    license_type: facts.licenseType,
    max_users: facts.maxUsers,
    max_branches: facts.maxBranches,
    parameters: { ...facts.parameters },
    is_active: facts.isActive,
    // The source says that it is, but not since when.
    suspended_at: facts.isSuspended ? now : null,
    suspension_reason: facts.isSuspended ? facts.suspensionReason : null,
    notes: notes.filter((note) => note !== null).join("\n") || null,
    admin_username: item.file === null ? facts.adminUsername : null,
    admin_password_hash: item.admin_password_hash,
    created_at: date(facts.createdAt) ?? now,
    activated_at: date(facts.activatedAt),
    expires_at: date(facts.expiresAt),
    erased_at: null,
  };
}

function date(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}

function provenance({ item, input }: Moving): string {
  return `Moved in from ${input.system}: ${item.source}`;
}

/** From now on the tenant is this operation's; one that held it before has lost it for good. */
async function own(
  transaction: ControlDatabase,
  work: OperationWork,
  moving: Moving,
  tenant: TenantRow,
): Promise<void> {
  await transaction
    .updateTable("legacy_items")
    .set({ tenant_id: null })
    .where("tenant_id", "=", tenant.id)
    .execute();
  await transaction
    .updateTable("legacy_items")
    .set({ tenant_id: tenant.id })
    .where("id", "=", moving.item.id)
    .execute();
  await transaction
    .updateTable("operations")
    .set({ license_id: tenant.license_id })
    .where("id", "=", work.operation.id)
    .execute();
}

async function reopen(transaction: ControlDatabase, tenant: TenantRow): Promise<void> {
  const state = nextTenantState("failed", "provisioning-retried");
  if (state === undefined) throw new Error("a failed tenant can't be taken up again");
  await transaction
    .updateTable("tenants")
    .set({ state })
    .where("id", "=", tenant.id)
    .where("state", "=", "failed")
    .execute();
}

async function unfinishedOperation(
  transaction: ControlDatabase,
  licenseId: string,
  except: string,
): Promise<string | null> {
  const other = await transaction
    .selectFrom("operations")
    .select("id")
    .where("license_id", "=", licenseId)
    .where("state", "in", ["queued", "running"])
    .where("id", "!=", except)
    .executeTakeFirst();
  return other?.id ?? null;
}

async function wasImporting(transaction: ControlDatabase, tenantId: string): Promise<boolean> {
  const item = await transaction
    .selectFrom("legacy_items")
    .select("id")
    .where("tenant_id", "=", tenantId)
    .executeTakeFirst();
  return item !== undefined;
}
