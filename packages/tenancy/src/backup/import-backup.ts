import { randomUUIDv7 } from "node:crypto";
import type { Readable } from "node:stream";
import {
  ArchiveError,
  archiveName,
  keyName,
  type OpenArchive,
  openArchive,
  StoreError,
  type StoreName,
  splitExported,
} from "@tenantry/archive";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { markerOf } from "../erase/erased-marker.ts";
import { TenancyError } from "../errors.ts";
import type { Caller } from "../idempotency.ts";
import { backupError } from "./backup-error.ts";
import { type Backup, toBackup } from "./backup-view.ts";

/** Stands for a license's key: whose it is, it says only when it was read to its end. */
export const IMPORTED = "IMPORTED";

/**
 * Takes in an archive that an installation with the same `BACKUP_KEY` has exported. It is kept under a name of ours, checked
 * from end to end, and recorded only then; what is refused leaves nothing. The same archive again is answered with the
 * backup that it is already.
 *
 * @throws TenancyError BACKUP_KEY_MISSING, BACKUP_NOT_TRUSTED (also for an archive of control data), BACKUP_CORRUPT,
 * BACKUP_TOO_NEW, STATE_CONFLICT for one of a license that was erased, STORE_UNAVAILABLE.
 */
export async function importBackup(ctx: TenancyContext, stream: Readable, caller: Caller): Promise<Backup> {
  if (ctx.backups.key === null) {
    throw new TenancyError(
      "BACKUP_KEY_MISSING",
      "Without a BACKUP_KEY nobody can tell who wrote an archive.",
      {
        hint: "Start Tenantry with the BACKUP_KEY of the installation that exported it.",
      },
    );
  }
  const name = archiveName({ kind: "tenant", licenseKey: IMPORTED, takenAt: new Date(), id: randomUUIDv7() });
  let archive: OpenArchive | null = null;
  try {
    const wrappedKey = await receive(ctx, name, stream);
    const opened = await openArchive(
      { read: () => ctx.backups.store.read(name) },
      { wrappedKey, backupKey: ctx.backups.key },
    );
    assertTrusted(opened);
    archive = opened;
    const known = await findKnown(ctx, archive);
    if (known === null) {
      await assertNotErased(ctx, archive);
      return await record(ctx, archive, name, caller);
    }
    await discard(ctx, name);
    return known;
  } catch (error) {
    if (archive === null) await discard(ctx, name);
    const there = archive === null ? null : await findRecorded(ctx, archive, name);
    if (there !== null) return there;
    throw backupError(error, "BACKUP_FAILED");
  }
}

/**
 * What an archive is already that couldn't be recorded: somebody else has brought it in at the same moment, or it was recorded
 * and only the answer was lost. While that can't be known, it stays in the store.
 */
async function findRecorded(
  ctx: TenancyContext,
  archive: OpenArchive,
  name: StoreName,
): Promise<Backup | null> {
  try {
    const row = await ctx.control
      .selectFrom("backups")
      .select("id")
      .where("name", "=", name)
      .executeTakeFirst();
    if (row === undefined) await discard(ctx, name);
    return await findKnown(ctx, archive);
  } catch (error) {
    ctx.log.warn({ err: error, name }, "it isn't known whether an archive was recorded; it stays");
    return null;
  }
}

/** Returns the wrapped key, null for an archive that lies open. */
async function receive(ctx: TenancyContext, name: StoreName, stream: Readable): Promise<Buffer | null> {
  const { store } = ctx.backups;
  const { wrappedKey, stored } = await splitExported(stream);
  if (wrappedKey !== null) await store.put(keyName(name), wrappedKey);
  await store.write(name, async (write) => {
    for await (const chunk of stored) await write(chunk);
  });
  return wrappedKey;
}

function assertTrusted(archive: OpenArchive): void {
  if (!archive.signed) throw new ArchiveError("not-signed", "it isn't signed");
  if (archive.license === null || archive.tenant === null) {
    throw new ArchiveError("not-signed", "it holds control data, which `tenantry restore-all` takes");
  }
}

/** The store remembers it also for control data that are older than the erasure. */
async function assertNotErased({ backups }: TenancyContext, { license }: OpenArchive): Promise<void> {
  if (license === null) return;
  try {
    await backups.store.get(markerOf(license.id));
  } catch (error) {
    if (error instanceof StoreError && error.kind === "not-found") return;
    throw error;
  }
  throw erased(license.key);
}

function erased(licenseKey: string): TenancyError {
  return new TenancyError(
    "STATE_CONFLICT",
    `License ${licenseKey} was erased: its data must not come back.`,
    {
      hint: "Destroy this archive too, wherever copies of it lie.",
    },
  );
}

async function discard(ctx: TenancyContext, name: StoreName): Promise<void> {
  const { store } = ctx.backups;
  await Promise.all([store.remove(name), store.remove(keyName(name))]).catch((error: unknown) =>
    ctx.log.warn({ err: error }, "an archive that was refused isn't removed"),
  );
}

async function findKnown(ctx: TenancyContext, archive: OpenArchive): Promise<Backup | null> {
  const row = await ctx.control
    .selectFrom("backups")
    .selectAll()
    .where("archive_id", "=", archive.header.id)
    .where("sha256", "=", archive.sha256)
    .where("state", "=", "ready")
    .executeTakeFirst();
  return row === undefined ? null : toBackup(row);
}

/** The operation is for the record: who brought it in, and when. It never waits for a worker. */
async function record(
  ctx: TenancyContext,
  archive: OpenArchive,
  name: StoreName,
  caller: Caller,
): Promise<Backup> {
  const { license, tenant, header, contents, figures } = archive;
  if (license === null || tenant === null) throw new Error("an archive of a tenant names it");
  const rows = figures.tables.reduce((sum, table) => sum + table.rows, 0);
  return ctx.control.transaction().execute(async (transaction) => {
    // Locked: an erasure that comes after finds this backup, and destroys it.
    const known = await transaction
      .selectFrom("licenses")
      .select(["id", "erased_at"])
      .where("id", "=", license.id)
      .forUpdate()
      .executeTakeFirst();
    if (known !== undefined && known.erased_at !== null) throw erased(license.key);
    // It was here before, and was removed: what it was makes room for what it is.
    await transaction
      .updateTable("backups")
      .set({ archive_id: null, name: null })
      .where("archive_id", "=", header.id)
      .where("state", "=", "gone")
      .execute();
    const operationId = randomUUIDv7();
    await transaction
      .insertInto("operations")
      .values({
        id: operationId,
        kind: "backup",
        state: "succeeded",
        license_id: known?.id ?? null,
        api_key_id: caller.apiKeyId,
        input: JSON.stringify({ imported: true, licenseKey: license.key }),
        percent: 100,
        step: "imported",
        message: `Brought in: a backup of license ${license.key}`,
        started_at: sql<Date>`now()`,
        finished_at: sql<Date>`now()`,
      })
      .execute();
    await transaction
      .insertInto("operation_events")
      .values({ operation_id: operationId, type: "accepted", actor: caller.actor })
      .execute();
    const row = await transaction
      .insertInto("backups")
      .values({
        id: randomUUIDv7(),
        operation_id: operationId,
        kind: "tenant",
        state: "ready",
        license_id: known?.id ?? null,
        license_key: license.key,
        archive_id: header.id,
        name,
        tenant_id: tenant.id,
        schema_name: tenant.schema,
        blueprint: tenant.blueprint,
        version: tenant.version,
        bytes: archive.bytes,
        rows,
        tables: contents.tables.length,
        sha256: archive.sha256,
        key_id: header.encryption?.keyId ?? null,
        signed: archive.signed,
        taken_at: new Date(header.takenAt),
        checked_at: sql<Date>`now()`,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return toBackup(row);
  });
}
