import { type CompiledBlueprint, retireTenant, UnknownMigrationsError } from "@tenantry/schema";
import { claimStanding, type Standing } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import { type LastBackup, recordDropBegan } from "./deletion.ts";
import { type Deletion, deletionError, filesOf, reportDeletion } from "./deletion-work.ts";
import { TenancyError } from "./errors.ts";
import { BackupFault, backupName, removeEarlierFiles, removeFile, writeBackup } from "./last-backup.ts";
import type { TenantRow } from "./license-view.ts";
import type { OperationWork } from "./operation-work.ts";
import { placementOf } from "./placement.ts";

/** How often a long backup looks whether it is still wanted. Milliseconds. */
const STANDING_INTERVAL_MS = 1_000;

/** The backup was broken off: the work is no longer this worker's, or no longer wanted. */
class Stopped extends Error {
  readonly standing: Standing;

  constructor(standing: Standing) {
    super(`stopped: ${standing}`);
    this.standing = standing;
  }
}

export type Retirement =
  | { readonly kind: "retired"; readonly backup: LastBackup | null }
  | { readonly kind: "canceled" | "superseded" };

/** The last backup, and with it the schema's end of use. */
export async function retire(
  ctx: TenancyContext,
  work: OperationWork,
  deletion: Deletion,
  retired: string,
): Promise<Retirement> {
  const { tenant, licenseKey } = deletion;
  const { directory } = ctx.backups;
  const files = filesOf(work, deletion);
  // What an earlier attempt recorded counts until there is a newer one: of a tenant that is all gone there won't be.
  let backup = deletion.backup;
  let recorded = false;
  try {
    const outcome = await retireTenant(placementOf(ctx, tenant).provisioning, {
      tenantId: tenant.id,
      schema: tenant.schema_name,
      role: tenant.role_name,
      retired,
      blueprint: blueprintOf(ctx, tenant),
      title: [
        `Tenantry: last backup of license ${licenseKey} (${deletion.clientName})`,
        `Blueprint ${tenant.blueprint}, version ${tenant.version}, schema ${tenant.schema_name}, ${new Date().toISOString()}`,
        "Load it with psql into an empty database; role and rights are not part of it.",
      ],
      onTable: watchStanding(ctx, work),
      keep: async (dump) => {
        await removeEarlierFiles(directory, files, deletion.backup?.file ?? null);
        const file = backupName(files);
        backup = await writeBackup(directory, file, dump);
      },
      mayRetire: async () => {
        recorded = await recordDropBegan(ctx, work.claim, backup);
        return recorded;
      },
    });
    if (outcome.kind === "superseded") return whyStopped(await claimStanding(ctx, work.claim));
    return { kind: "retired", backup };
  } catch (error) {
    if (error instanceof Stopped) return whyStopped(error.standing);
    throw backupError(error);
  } finally {
    // A backup of a tenant that stays is nobody's.
    if (!recorded) await removeFile(directory, backupName(files));
  }
}

function whyStopped(standing: Standing): Retirement {
  return { kind: standing === "cancel-requested" ? "canceled" : "superseded" };
}

/** Shows each table, and now and then looks whether the work is still wanted. */
function watchStanding(ctx: TenancyContext, work: OperationWork) {
  let looked = 0;
  return async (table: string, done: number, total: number): Promise<void> => {
    reportDeletion(work, "backup", done, total, `Backing up ${table}`);
    if (performance.now() - looked < STANDING_INTERVAL_MS) return;
    const standing = await claimStanding(ctx, work.claim);
    if (standing !== "valid") throw new Stopped(standing);
    looked = performance.now();
  };
}

function blueprintOf(ctx: TenancyContext, tenant: TenantRow): CompiledBlueprint {
  const compiled = ctx.blueprints.get(tenant.blueprint);
  if (compiled !== undefined) return compiled;
  throw new TenancyError("BLUEPRINT_UNKNOWN", `There is no blueprint ${tenant.blueprint} in this worker.`);
}

function backupError(error: unknown): unknown {
  if (error instanceof BackupFault) {
    return new TenancyError(
      "BACKUP_FAILED",
      `The last backup could not be written (${error.message}). Nothing was dropped.`,
      { cause: error },
    );
  }
  if (error instanceof UnknownMigrationsError) {
    return new TenancyError(
      "BACKUP_FAILED",
      `The tenant holds migrations that this worker doesn't know: ${error.migrations.join(", ")}. Nothing was dropped.`,
      { hint: "Start the Tenantry version that made them, or a later one, then delete again.", cause: error },
    );
  }
  return deletionError(
    error,
    "BACKUP_FAILED",
    "PostgreSQL refused a part of the last backup; nothing was dropped",
  );
}
