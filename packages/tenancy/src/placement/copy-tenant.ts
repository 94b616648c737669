import {
  adoptLoaded,
  dropKeptSchema,
  evictNameHolder,
  loadSnapshot,
  type PoolClient,
  quoteIdentifier,
  readMarker,
  settledOwner,
} from "@tenantry/schema";
import { loadBackedUp } from "../backup/backed-up-tenant.ts";
import { openWritten } from "../backup/open-written.ts";
import { Stopped, type WrittenArchive, writeArchive } from "../backup/write-archive.ts";
import { claimStanding } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import type { OperationWork } from "../operation-work.ts";
import { provideGateway, tenantGateway } from "../tenant-connection.ts";
import { moveError } from "./move-error.ts";
import { leftName, type Moving, recordClosing, recordOpen } from "./moving.ts";

export type CopyOutcome =
  /** All of the tenant is on the new server, and its schema on the old one is out of use. */
  | { readonly kind: "closed"; readonly written: WrittenArchive }
  /** Nothing has changed. */
  | { readonly kind: "canceled" | "superseded" };

/** Where the parts lie between 0 and 100. */
const PERCENT = { read: [5, 40], load: [45, 90] } as const;

/**
 * Copies a tenant to its new server, proves the copy, and takes the old schema out of use. Writers are kept out of the old
 * one from before the first row is read until then, so that nothing that a customer's application was told is saved is
 * missing; readers go on. Until the end nothing has changed for anybody.
 *
 * @throws TenancyError
 */
export async function copyTenant(
  ctx: TenancyContext,
  work: OperationWork,
  moving: Moving,
): Promise<CopyOutcome> {
  const { from, to, tenant } = moving;
  if (work.claim.attempt > 1) {
    // An attempt that was taken for dead may only sleep, in transactions that hold the schema's name.
    await evictNameHolder(from.provisioning, tenant.schema_name);
    // First: the new server may be away, and then the move can be called off all the same.
    await openAgain(ctx, work, moving);
    await evictNameHolder(to.provisioning, tenant.schema_name);
  }
  // What the old server's commit has come to can't be known when its answer is lost: then nothing is thrown away.
  let mayBeClosed = false;
  try {
    const written = await writeArchive(ctx, {
      claim: work.claim,
      backupId: moving.backupId,
      kind: "tenant",
      licenseKey: moving.license.key,
      subject: (await loadBackedUp(ctx.control, moving.license.id)).subject,
      pool: from.provisioning,
      schema: tenant.schema_name,
      onTable: (table, done, total) => report(work, "read", done, total, `Reading ${table}`),
      thenInTransaction: async (client, archive) => {
        // The old schema is there, and its name is locked: no other attempt has closed it, or can.
        await clearWay(ctx, work, moving);
        await loadElsewhere(ctx, work, moving, archive);
        mayBeClosed = true;
        await close(ctx, work, moving, client);
        return "commit";
      },
    });
    return { kind: "closed", written };
  } catch (error) {
    const standing = error instanceof Stopped ? error.standing : "valid";
    if (standing === "lost") return { kind: "superseded" };
    if (!mayBeClosed || error instanceof Stopped) await tidyUp(ctx, work, moving);
    if (error instanceof Stopped) return { kind: "canceled" };
    throw moveError(error, moving);
  }
}

/** An attempt that died may have recorded that it closes the old schema, and not come to it. */
async function openAgain(ctx: TenancyContext, work: OperationWork, { from, tenant }: Moving): Promise<void> {
  const owner = await settledOwner(from.provisioning, tenant.schema_name);
  if (owner.kind === "tenant" && owner.tenantId === tenant.id) await recordOpen(ctx, work);
}

/** What an attempt that died has left on the new server goes. */
async function clearWay(ctx: TenancyContext, work: OperationWork, moving: Moving): Promise<void> {
  const { to, tenant } = moving;
  await dropCopy(ctx, work, moving);
  const owner = await readMarker(to.provisioning, tenant.schema_name);
  if (owner.kind !== "no-schema") throw taken(moving);
  await provideGateway(ctx, to, tenantGateway(ctx, tenant));
}

function taken({ tenant, to }: Moving): TenancyError {
  return new TenancyError(
    "SCHEMA_TAKEN",
    `Schema ${tenant.schema_name} exists on ${to.name} and isn't this tenant's.`,
  );
}

async function dropCopy(ctx: TenancyContext, work: OperationWork, { to, tenant }: Moving): Promise<void> {
  const dropped = await dropKeptSchema(to.provisioning, {
    keptAs: tenant.schema_name,
    tenantId: tenant.id,
    mayProceed: async () => (await claimStanding(ctx, work.claim)) !== "lost",
    onProgress: () => undefined,
  });
  if (!dropped) throw new Stopped("lost");
}

/** A copy that nobody will use. What can't be removed now, the next attempt removes. */
async function tidyUp(ctx: TenancyContext, work: OperationWork, moving: Moving): Promise<void> {
  await dropCopy(ctx, work, moving).catch((error: unknown) => {
    ctx.log.warn(
      { err: error, licenseKey: moving.license.key, placement: moving.to.name },
      "the copy of a move that failed isn't removed yet",
    );
  });
}

async function loadElsewhere(
  ctx: TenancyContext,
  work: OperationWork,
  moving: Moving,
  written: WrittenArchive,
): Promise<void> {
  const { to, tenant, license, limited, operationId } = moving;
  const source = await openWritten(ctx, written);
  const outcome = await loadSnapshot(to.provisioning, {
    source,
    schema: tenant.schema_name,
    role: tenant.role_name,
    gateway: tenantGateway(ctx, tenant),
    mayProceed: async () => (await claimStanding(ctx, work.claim)) === "valid",
    onTable: (table, done, total) => report(work, "load", done, total, `Loading ${table} on ${to.name}`),
    finish: async (client) => {
      await adoptLoaded(client, {
        from: tenant.id,
        tenantId: tenant.id,
        operationId,
        licenseKey: license.key,
        limited,
        limits: { users: license.max_users, branches: license.max_branches },
      });
      return "commit";
    },
  });
  if (outcome.kind === "superseded") throw new Stopped(await claimStanding(ctx, work.claim));
  if (outcome.kind !== "loaded") throw taken(moving);
}

/** In the transaction that keeps writers out: after its commit they find no schema of that name, and no right to it. */
async function close(
  ctx: TenancyContext,
  work: OperationWork,
  { tenant, operationId }: Moving,
  client: PoolClient,
): Promise<void> {
  if (!(await recordClosing(ctx, work))) throw new Stopped(await claimStanding(ctx, work.claim));
  const schema = quoteIdentifier(tenant.schema_name);
  await client.query(
    `REVOKE ALL ON SCHEMA ${schema} FROM ${quoteIdentifier(tenant.role_name)};
     ALTER SCHEMA ${schema} RENAME TO ${quoteIdentifier(leftName(operationId))}`,
  );
}

function report(
  work: OperationWork,
  step: keyof typeof PERCENT,
  done: number,
  total: number,
  message: string,
): void {
  const [from, to] = PERCENT[step];
  const percent = Math.floor(from + ((to - from) * done) / Math.max(total, 1));
  work.report({ percent, step, message, done, total });
}
