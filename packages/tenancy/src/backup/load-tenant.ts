import { type ArchivedLicense, type ArchivedTenant, ArchiveError, type OpenArchive } from "@tenantry/archive";
import {
  adoptLoaded,
  evictNameHolder,
  limitsOf,
  loadSnapshot,
  migrateLoaded,
  type PoolClient,
  SwapRefusedError,
  swapSchemas,
  UnknownMigrationsError,
} from "@tenantry/schema";
import { claimStanding, type Standing } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { LicenseRow } from "../license-view.ts";
import type { OperationWork } from "../operation-work.ts";
import { placementOf } from "../placement.ts";
import { provideGateway, tenantGateway } from "../tenant-connection.ts";
import { backupError } from "./backup-error.ts";
import { describeCopy } from "./copied-license.ts";
import { readyBackup } from "./list-backups.ts";
import { recordReplacement } from "./replacement.ts";
import { isRestored, keptName, loadingName, type Restore } from "./restored-tenant.ts";
import { isTheArchives, noteTrouble, openStored } from "./stored-archive.ts";
import { watchedSource } from "./watched-source.ts";
import { Stopped, wantedWatch } from "./write-archive.ts";

const PERCENT = { check: 2, load: 10, verify: 85, switch: 95 } as const;

export type LoadedTenant =
  /** The tenant's schema is what the backup says, in one commit: of this attempt or an earlier one. */
  "there" | "canceled" | "superseded";

/**
 * Loads a backup, proves it, and makes it the tenant's schema, all in one transaction on the placement. Nothing that is in
 * use has changed when this throws, or stops.
 *
 * @throws TenancyError
 */
export async function loadTenant(
  ctx: TenancyContext,
  work: OperationWork,
  restore: Restore,
): Promise<LoadedTenant> {
  const { provisioning } = await placementOf(ctx, restore.tenant);
  // An attempt that was taken for dead may only sleep, in a transaction that may wait for half an hour.
  if (work.claim.attempt > 1) await evictNameHolder(provisioning, loadingName(restore));
  if (await isRestored(provisioning, restore)) return "there";
  work.report({
    percent: PERCENT.check,
    step: "check",
    message: "Reading the archive",
    done: 0,
    total: 0,
  });
  const archive = await openStored(ctx, await readyBackup(ctx, restore.backup.id));
  try {
    return await load(ctx, work, restore, archive);
  } catch (error) {
    if (error instanceof Stopped) return whyStopped(error.standing);
    const told = restoreError(restore, error);
    throw isTheArchives(error) ? await noteTrouble(ctx, restore.backup.id, told) : told;
  }
}

function whyStopped(standing: Standing): "canceled" | "superseded" {
  return standing === "cancel-requested" ? "canceled" : "superseded";
}

async function load(
  ctx: TenancyContext,
  work: OperationWork,
  restore: Restore,
  archive: OpenArchive,
): Promise<LoadedTenant> {
  const { tenant, compiled } = restore;
  const { ledger } = archive.contents;
  const subject = subjectOf(restore, archive);
  const known = new Set(compiled.migrations.map(({ name }) => name));
  const unknown = ledger.filter((name) => !known.has(name));
  if (unknown.length > 0) throw new UnknownMigrationsError(compiled.blueprint.name, unknown);
  const license = await licenseOf(ctx, work, restore, subject.license);
  if (license === null) return "superseded";

  const placement = await placementOf(ctx, tenant);
  const gateway = tenantGateway(ctx, tenant);
  await provideGateway(ctx, placement, gateway);
  const schema = loadingName(restore);
  let stopped: LoadedTenant = "superseded";
  const outcome = await loadSnapshot(placement.provisioning, {
    source: watchedSource(archive, wantedWatch(ctx, work.claim)),
    schema,
    role: tenant.role_name,
    gateway,
    mayProceed: async () => {
      // Its last moment may have come before it lost the schema's name to us.
      if (await isRestored(placement.provisioning, restore)) stopped = "there";
      else {
        const standing = await claimStanding(ctx, work.claim);
        if (standing === "valid") return true;
        stopped = whyStopped(standing);
      }
      return false;
    },
    onTable: (table, done, total) => report(work, "load", done, total, `Loading ${table}`),
    finish: async (client) => {
      report(work, "switch", 0, 0, `Putting ${tenant.schema_name} in place`);
      await migrateLoaded(client, compiled, ledger);
      await adoptLoaded(client, {
        from: subject.tenant.id,
        tenantId: tenant.id,
        operationId: restore.operationId,
        licenseKey: license.key,
        limited: limitsOf(compiled.blueprint),
        limits: { users: license.max_users, branches: license.max_branches },
      });
      await takePlace(ctx, work, restore, client);
      return "commit";
    },
  });
  if (outcome.kind === "superseded") return stopped;
  if (outcome.kind === "name-taken" && !(await isRestored(placement.provisioning, restore))) {
    throw new TenancyError("SCHEMA_TAKEN", `Schema ${schema} exists and isn't this tenant's.`);
  }
  return "there";
}

/** The last thing before the commit: from here on nobody calls it off. */
async function takePlace(
  ctx: TenancyContext,
  work: OperationWork,
  restore: Restore,
  client: PoolClient,
): Promise<void> {
  const { tenant, operationId, mode } = restore;
  if (mode === "replace") {
    await swapSchemas(client, {
      tenantId: tenant.id,
      schema: tenant.schema_name,
      loaded: loadingName(restore),
      keptAs: keptName(operationId),
      role: tenant.role_name,
    });
  }
  if (!(await recordReplacement(ctx, work, restore))) {
    throw new Stopped(await claimStanding(ctx, work.claim));
  }
}

/**
 * Whom the archive is of, when that is whom the backup is on record for.
 *
 * @throws ArchiveError
 */
function subjectOf(
  { backup, mode, tenant, license }: Restore,
  archive: OpenArchive,
): { readonly license: ArchivedLicense; readonly tenant: ArchivedTenant } {
  const recorded =
    archive.license !== null &&
    archive.tenant !== null &&
    archive.header.kind === "tenant" &&
    archive.license.key === backup.license_key &&
    (backup.license_id === null || archive.license.id === backup.license_id) &&
    archive.tenant.id === backup.tenant_id &&
    archive.tenant.blueprint === tenant.blueprint;
  const its = mode === "copy" || (archive.license?.id === license.id && archive.tenant?.id === tenant.id);
  if (!recorded || !its) throw new ArchiveError("corrupt", "it is of another tenant");
  return { license: archive.license, tenant: archive.tenant };
}

function licenseOf(
  ctx: TenancyContext,
  work: OperationWork,
  { mode, license }: Restore,
  archived: ArchivedLicense,
): Promise<LicenseRow | null> {
  return mode === "copy" ? describeCopy(ctx, work.claim, license.id, archived) : Promise.resolve(license);
}

function report(
  work: OperationWork,
  step: keyof typeof PERCENT,
  done: number,
  total: number,
  message: string,
): void {
  const span = step === "load" ? PERCENT.verify - PERCENT.load : 0;
  const percent = Math.floor(PERCENT[step] + (span * done) / Math.max(total, 1));
  work.report({ percent, step, message, done, total });
}

function restoreError({ tenant }: Restore, error: unknown): unknown {
  if (error instanceof SwapRefusedError) {
    return new TenancyError("SCHEMA_TAKEN", `Schema ${tenant.schema_name} exists and isn't this tenant's.`, {
      cause: error,
    });
  }
  return backupError(error, "RESTORE_FAILED");
}
