import { randomBytes, randomUUIDv7 } from "node:crypto";
import { type BackupStore, erasedName } from "@tenantry/archive";
import { ControlNotEmptyError, ControlSchemaNewerError, controlWithin, loadControl } from "@tenantry/schema";
import { sql } from "kysely";
import { backupError } from "../backup/backup-error.ts";
import type { TenancyContext } from "../context.ts";
import { hashIn } from "../erase/erased-marker.ts";
import { TenancyError } from "../errors.ts";
import { installationId } from "../installation-id.ts";
import { installationSecret } from "../installation-secret.ts";
import { concludeControl, REBUILT } from "./conclude-control.ts";
import { findControl } from "./find-control.ts";
import { livingTenants } from "./living-tenants.ts";
import { type LostTenant, rebuildTenant, recordLiving } from "./rebuild-tenant.ts";
import { reconcileBackups, type UnknownLicense } from "./reconcile-backups.ts";

export interface RestoreAllInput {
  /** The store: what `BACKUP_URL` was. */
  readonly from: string;
  /** Breaks it off; asked for again, it goes on. */
  readonly signal: AbortSignal;
  readonly onProgress: (message: string) => void;
}

/** What has become of one tenant. */
export interface RestoredTenant {
  readonly licenseKey: string;
  /** The moment that its rows are of. ISO 8601, UTC; null for one that is lost. */
  readonly takenAt: string | null;
  readonly rows: number | null;
  /** Why it is lost; null for one that is back. */
  readonly trouble: string | null;
}

export interface RestoreAllReport {
  /** The moment that licenses and history are of. ISO 8601, UTC. */
  readonly controlTakenAt: string;
  readonly tenants: readonly RestoredTenant[];
}

/** Tenants that are loaded at once. */
const AT_ONCE = 2;

/**
 * Rebuilds an installation out of its backups, in an empty database: the newest good backup of the control data, in one
 * commit; then each tenant's newest good one, also one that is newer than the control data. Nothing else may work with the
 * database meanwhile: the installation takes on its old id and secret. A tenant that another placement still has stays
 * there as it is when that server can be reached; otherwise it comes back on the default one. Asked for again, it goes on with
 * what isn't back.
 *
 * @throws TenancyError STATE_CONFLICT where there are licenses or operations already; BACKUP_NOT_FOUND without a backup of
 * control data; BACKUP_KEY_MISSING, BACKUP_NOT_TRUSTED, BACKUP_TOO_NEW, RESTORE_FAILED, STORE_UNAVAILABLE, UNAVAILABLE; the
 * signal's reason.
 */
export async function restoreAll(ctx: TenancyContext, input: RestoreAllInput): Promise<RestoreAllReport> {
  const store = openStore(ctx, input.from);
  const isAnother = store.url !== ctx.backups.store.url;
  try {
    if (isAnother) await tryStore(ctx.backups.store);
    const begun = (await begunRebuild(ctx)) ?? (await beginRebuild(ctx, store, input));
    const rebuilt: TenancyContext = {
      ...ctx,
      installationId: await installationId(ctx.control),
      secret: await installationSecret(ctx.control),
      backups: { ...ctx.backups, store },
    };
    input.onProgress("Seeing what the store holds");
    const unknown = await reconcileBackups(rebuilt, begun.operationId, input.signal);
    await rebuildTenants(rebuilt, begun.operationId, input);
    if (isAnother) await reconcileBackups(ctx, begun.operationId, input.signal);
    return { controlTakenAt: begun.controlTakenAt, tenants: await report(ctx, unknown) };
  } catch (error) {
    input.signal.throwIfAborted();
    throw backupError(error, "RESTORE_FAILED");
  } finally {
    await store.close();
  }
}

function openStore(ctx: TenancyContext, url: string): BackupStore {
  try {
    return ctx.backups.open(url);
  } catch (error) {
    throw backupError(error, "RESTORE_FAILED");
  }
}

/** One that nothing was ever written to may not be there yet; that it can't be had is better known before than after. */
async function tryStore(store: BackupStore): Promise<void> {
  const name = erasedName(randomBytes(32).toString("hex"));
  await store.put(name, Buffer.alloc(0));
  await store.remove(name);
}

interface Rebuild {
  readonly operationId: string;
  readonly controlTakenAt: string;
}

/** One that was begun before, and has something left to do; nobody has worked with the installation since. */
async function begunRebuild(ctx: TenancyContext): Promise<Rebuild | null> {
  const setting = await ctx.control
    .selectFrom("settings")
    .select("value")
    .where("name", "=", REBUILT)
    .where(sql<string>`(value ->> 'operations')::bigint`, "=", (eb) =>
      eb.selectFrom("operations").select((operation) => operation.fn.countAll<string>().as("count")),
    )
    .where(({ exists, selectFrom }) =>
      exists(selectFrom("rebuilt_tenants").select("tenant_id").where("rebuilt_at", "is", null)),
    )
    .executeTakeFirst();
  return setting === undefined ? null : (setting.value as unknown as Rebuild);
}

async function beginRebuild(
  ctx: TenancyContext,
  store: BackupStore,
  { signal, onProgress }: RestoreAllInput,
): Promise<Rebuild> {
  await assertEmpty(ctx);
  onProgress("Looking for the control data");
  const { name, archive } = await findControl(ctx, store);
  const erased: string[] = [];
  for await (const marker of store.list("erased/")) erased.push(hashIn(marker.name));
  const takenAt = archive.header.takenAt;
  const begun = { operationId: randomUUIDv7(), controlTakenAt: takenAt };
  ctx.log.info({ name, takenAt }, "rebuilding the installation");
  try {
    const outcome = await loadControl(ctx.placements.main.provisioning, {
      source: archive,
      mayProceed: async () => !signal.aborted,
      onTable: (table, done, total) => {
        signal.throwIfAborted();
        onProgress(`Loading the control data: ${table}, ${done} of ${total}`);
      },
      conclude: (client) =>
        concludeControl(controlWithin(client), { operationId: begun.operationId, takenAt, erased }),
    });
    signal.throwIfAborted();
    if (outcome.kind !== "loaded") throw new Error(`the control data weren't loaded: ${outcome.kind}`);
  } catch (error) {
    if (error instanceof ControlNotEmptyError) throw notEmpty();
    if (error instanceof ControlSchemaNewerError) {
      throw new TenancyError("BACKUP_TOO_NEW", "The control data were written by a newer Tenantry.", {
        hint: error.hint,
        cause: error,
      });
    }
    throw error;
  }
  return begun;
}

/** Before anything is read of the store; asked again when the control data are about to go. */
async function assertEmpty(ctx: TenancyContext): Promise<void> {
  const [license, operation] = await Promise.all([
    ctx.control.selectFrom("licenses").select("id").limit(1).executeTakeFirst(),
    ctx.control.selectFrom("operations").select("id").limit(1).executeTakeFirst(),
  ]);
  if (license !== undefined || operation !== undefined) throw notEmpty();
}

function notEmpty(): TenancyError {
  return new TenancyError("STATE_CONFLICT", "This installation isn't empty: it has licenses or operations.", {
    hint: "Give DATABASE_URL (or DATA_DIR) a new, empty database; to bring one tenant back use `tenantry backup restore`.",
  });
}

async function rebuildTenants(
  ctx: TenancyContext,
  operationId: string,
  { signal, onProgress }: RestoreAllInput,
): Promise<void> {
  const lost = await ctx.control
    .selectFrom("rebuilt_tenants")
    .select("tenant_id")
    .where("rebuilt_at", "is", null)
    .orderBy("tenant_id")
    .execute();
  let done = 0;
  const living = livingTenants(ctx);
  const queue = lost.values();
  // The first that can't go on stops the others, so that nothing works on behind the caller's back.
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  const lane = async (): Promise<void> => {
    for (const { tenant_id } of queue) {
      if (either.aborted) return;
      const wanted = await loadLost(ctx, tenant_id);
      if (wanted === null) continue;
      onProgress(`Bringing back ${wanted.license.key}: ${done} of ${lost.length} done`);
      const there = wanted.formerState === "ready" ? await living.placementOf(wanted.tenant) : null;
      if (there !== null) await recordLiving(ctx, wanted, there);
      else {
        const trouble = await rebuildTenant(ctx, operationId, wanted, either);
        if (trouble !== null) await noteLost(ctx, tenant_id, trouble);
      }
      done += 1;
    }
  };
  const lanes = Array.from({ length: AT_ONCE }, () =>
    lane().catch((error: unknown) => {
      stopped.abort();
      throw error;
    }),
  );
  const ends = await Promise.allSettled(lanes);
  await living.close();
  signal.throwIfAborted();
  const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
  const failure = failures.find((reason) => reason !== stopped.signal.reason);
  if (failure !== undefined) throw failure;
}

/** Null when something else was done with it since: it was deleted, or restored by itself. */
async function loadLost(ctx: TenancyContext, tenantId: string): Promise<LostTenant | null> {
  const [tenant, rebuilt] = await Promise.all([
    ctx.control.selectFrom("tenants").selectAll().where("id", "=", tenantId).executeTakeFirstOrThrow(),
    ctx.control
      .selectFrom("rebuilt_tenants")
      .select("former_state")
      .where("tenant_id", "=", tenantId)
      .executeTakeFirstOrThrow(),
  ]);
  if (tenant.state !== "failed") return null;
  const license = await ctx.control
    .selectFrom("licenses")
    .selectAll()
    .where("id", "=", tenant.license_id)
    .executeTakeFirstOrThrow();
  return { tenant, license, formerState: rebuilt.former_state };
}

async function noteLost(ctx: TenancyContext, tenantId: string, trouble: string): Promise<void> {
  await ctx.control
    .updateTable("rebuilt_tenants")
    .set({ trouble })
    .where("tenant_id", "=", tenantId)
    .execute();
}

async function report(ctx: TenancyContext, unknown: readonly UnknownLicense[]): Promise<RestoredTenant[]> {
  const rows = await ctx.control
    .selectFrom("rebuilt_tenants")
    .innerJoin("tenants", "tenants.id", "rebuilt_tenants.tenant_id")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select(["licenses.key", "rebuilt_tenants.taken_at", "rebuilt_tenants.rows", "rebuilt_tenants.trouble"])
    .orderBy("licenses.key")
    .execute();
  const known = rows.map(({ key, taken_at, rows: count, trouble }) => ({
    licenseKey: key,
    takenAt: taken_at?.toISOString() ?? null,
    rows: count === null ? null : Number(count),
    trouble,
  }));
  // Its newest one; they come oldest first.
  const newest = new Map(unknown.map((backup) => [backup.licenseKey, backup]));
  const sold = [...newest.values()].map(({ licenseKey, backupId, takenAt }) => ({
    licenseKey,
    takenAt,
    rows: null,
    trouble: `It is newer than the control data: bring it back by \`tenantry backup restore ${backupId} --copy\`.`,
  }));
  return [...known, ...sold];
}
