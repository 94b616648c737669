import { hostname } from "node:os";
import { keyName, tenantFolder } from "@tenantry/archive";
import { CONTROL_SCHEMA, type ControlDatabase, dropKeptSchema, dropRoleAlone } from "@tenantry/schema";
import { sql } from "kysely";
import { removeNoted } from "../backup/abandoned.ts";
import { backupError } from "../backup/backup-error.ts";
import { dropKeptOf } from "../backup/kept-schemas.ts";
import { removeOutdatedControl } from "../backup/outdated-control.ts";
import { removeBackup } from "../backup/remove-backup.ts";
import { nameOf } from "../backup/stored-archive.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { Caller } from "../idempotency.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import { placementOf } from "../placement.ts";
import { tenantGateway } from "../tenant-connection.ts";
import { backUpControl } from "./back-up-control.ts";
import { markerOf } from "./erased-marker.ts";
import { scrubLicenses } from "./scrub-licenses.ts";

/**
 * Takes away for good what is left of a deleted license: its backups, their keys first, and all that the control data tell
 * of its client, also in the backups of the control data. What stays is a tombstone, and a mark in the store that whoever
 * rebuilds the installation from an older backup obeys.
 *
 * May be broken off at any moment and asked for again: it goes on, and does nothing where all is done.
 *
 * @throws TenancyError LICENSE_NOT_FOUND; STATE_CONFLICT for one that isn't deleted; STORE_UNAVAILABLE, UNAVAILABLE and what
 * a backup of the control data throws: then it isn't finished, and has to be asked for again.
 */
export async function eraseLicense(
  ctx: TenancyContext,
  input: { readonly licenseKey: string },
  caller: Caller,
): Promise<void> {
  const license = await deletedLicense(ctx, normalizeLicenseKey(input.licenseKey));
  try {
    await begin(ctx, license);
    await ctx.backups.store.put(markerOf(license.id), Buffer.from(MARKER_TEXT));
    await destroyBackups(ctx, license);
    await dropKeptOf(ctx, license.tenantId, async () => true);
    await dropRestored(ctx, license);
    await scrub(ctx, license, caller.actor);
    await renewControlBackups(ctx, caller);
  } catch (error) {
    throw backupError(error, "BACKUP_FAILED");
  }
  ctx.log.info({ licenseKey: license.key, actor: caller.actor }, "license erased");
}

const MARKER_TEXT = "A license was erased: its data must not come back.\n";

interface DeletedLicense {
  readonly id: string;
  readonly key: string;
  readonly tenantId: string;
}

async function deletedLicense(ctx: TenancyContext, key: string): Promise<DeletedLicense> {
  const license = await ctx.control
    .selectFrom("licenses")
    .innerJoin("tenants", "tenants.license_id", "licenses.id")
    .select(["licenses.id", "licenses.key", "tenants.id as tenantId"])
    .where("licenses.key", "=", key)
    .executeTakeFirst();
  if (license === undefined)
    throw new TenancyError("LICENSE_NOT_FOUND", "There is no license with that key.");
  await ctx.control.transaction().execute((transaction) => assertDeleted(transaction, license));
  return license;
}

/** Locks the tenant: whoever would bring it back comes before or after. */
async function assertDeleted(transaction: ControlDatabase, license: DeletedLicense): Promise<void> {
  const { state } = await transaction
    .selectFrom("tenants")
    .select("state")
    .where("id", "=", license.tenantId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (state !== "deleted") {
    throw new TenancyError("STATE_CONFLICT", `The tenant is ${state}; only what was deleted can be erased.`, {
      hint: `Delete it first: \`tenantry license delete ${license.key}\`.`,
    });
  }
  const other = await transaction
    .selectFrom("operations")
    .select(["id", "kind", "state"])
    .where("license_id", "=", license.id)
    .where("state", "in", ["queued", "running"])
    .executeTakeFirst();
  if (other === undefined) return;
  throw new TenancyError("STATE_CONFLICT", `Operation ${other.id} (${other.kind}) is ${other.state}.`, {
    hint: `Wait for its end, or cancel it first: \`tenantry operation cancel ${other.id}\`.`,
  });
}

/**
 * The point of no return, before the store hears of it: nothing brings the license back from here on. A mark of a customer who
 * came back after all would take him away at the next rebuild.
 */
async function begin(ctx: TenancyContext, license: DeletedLicense): Promise<void> {
  await ctx.control.transaction().execute(async (transaction) => {
    await assertDeleted(transaction, license);
    await transaction
      .updateTable("licenses")
      .set({ erased_at: sql<Date>`coalesce(erased_at, clock_timestamp())` })
      .where("id", "=", license.id)
      .execute();
  });
}

/** What a restore had put in the deleted tenant's place that failed before it could say so. */
async function dropRestored(ctx: TenancyContext, { tenantId }: DeletedLicense): Promise<void> {
  const tenant = await ctx.control
    .selectFrom("tenants")
    .selectAll()
    .where("id", "=", tenantId)
    .where(({ exists, selectFrom }) =>
      exists(selectFrom("restores").select("operation_id").whereRef("restores.tenant_id", "=", "tenants.id")),
    )
    .executeTakeFirst();
  if (tenant === undefined) return;
  const { provisioning } = await placementOf(ctx, tenant);
  await dropKeptSchema(provisioning, {
    keptAs: tenant.schema_name,
    tenantId,
    mayProceed: async () => true,
    onProgress: () => undefined,
  });
  await dropRoleAlone(provisioning, { role: tenant.role_name, gateway: tenantGateway(ctx, tenant) });
}

/** All keys before the first archive: from then on nobody reads any of them, however long the rest takes. */
async function destroyBackups(ctx: TenancyContext, license: DeletedLicense): Promise<void> {
  const its = ctx.control
    .selectFrom("backups")
    .where((eb) =>
      eb.or([
        eb("license_id", "=", license.id),
        eb("tenant_id", "=", license.tenantId),
        eb.and([eb("license_id", "is", null), eb("license_key", "=", license.key)]),
      ]),
    );
  const backups = await its.select(["id", "archive_id", "name", "state"]).execute();
  const attempts = await ctx.control
    .selectFrom("backup_attempts")
    .select(["archive_id", "name"])
    .where("backup_id", "in", its.select("id"))
    .execute();
  for (const { name } of [...backups, ...attempts]) {
    if (name !== null) await ctx.backups.store.remove(keyName(nameOf({ name })));
  }
  for (const backup of backups) if (backup.state === "ready") await removeBackup(ctx, backup);
  for (const attempt of attempts) await removeNoted(ctx, attempt);
  // What nothing is on record of: left by a process that was killed.
  for await (const { name } of ctx.backups.store.list(tenantFolder(license.key))) {
    await ctx.backups.store.remove(name);
  }
}

/**
 * A backup of the control data reads while it holds all of their tables: this waits for those that have begun, and those that
 * come after read what is left.
 */
async function scrub(ctx: TenancyContext, license: DeletedLicense, actor: string): Promise<void> {
  await ctx.control.transaction().execute(async (transaction) => {
    await assertDeleted(transaction, license);
    await sql`lock table ${sql.id(CONTROL_SCHEMA)}.scheduled_runs in access exclusive mode`.execute(
      transaction,
    );
    await scrubLicenses(transaction, [license.id], actor);
  });
}

async function renewControlBackups(ctx: TenancyContext, caller: Caller): Promise<void> {
  if (!(await isBackedUpSince(ctx.control))) {
    await backUpControl(ctx, caller, `erase:${hostname()}:${process.pid}`);
  }
  await removeOutdatedControl(ctx);
}

/** Since the last erasure; of that backup nothing is known to be wrong. */
async function isBackedUpSince(control: ControlDatabase): Promise<boolean> {
  const newer = await control
    .selectFrom("backups")
    .select("id")
    .where("kind", "=", "control")
    .where("state", "=", "ready")
    .where("trouble", "is", null)
    .where("taken_at", ">", (eb) =>
      eb.selectFrom("licenses").select((license) => license.fn.max("erased_at").as("erased")),
    )
    .executeTakeFirst();
  return newer !== undefined;
}
