import { randomUUIDv7 } from "node:crypto";
import {
  ArchiveError,
  type BackupStore,
  type OpenArchive,
  StoreError,
  type StoreName,
  storeName,
} from "@tenantry/archive";
import { CONTROL_SCHEMA, type ControlDatabase } from "@tenantry/schema";
import { type RawBuilder, sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { markerOf } from "../erase/erased-marker.ts";
import { openUnrecorded } from "./find-control.ts";

/** A backup of a license that the control data don't know: it was sold after them. */
export interface UnknownLicense {
  readonly backupId: string;
  readonly licenseKey: string;
  readonly takenAt: string;
}

const BATCH = 1_000;

/**
 * Brings the record of backups into accord with what a store has. What it hasn't is gone, and what it has is there; what came into it after the control
 * data were taken is opened, and recorded when it is whole.
 *
 * @throws StoreError; the driver's error.
 */
export async function reconcileBackups(
  ctx: TenancyContext,
  operationId: string,
  signal: AbortSignal,
): Promise<readonly UnknownLicense[]> {
  const { store } = ctx.backups;
  const unrecorded = await forgetMissing(ctx, store, signal);
  for (const name of unrecorded) {
    signal.throwIfAborted();
    try {
      const archive = await openUnrecorded(store, ctx.backups.key, name);
      await record(ctx, operationId, name, archive);
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      ctx.log.warn({ err: error, name }, "an archive of the store can't be used");
    }
  }
  // Nobody finishes them any more.
  await ctx.control
    .updateTable("backups")
    .set({ state: "gone", gone_at: sql<Date>`now()` })
    .where("state", "=", "making")
    .execute();
  return unknownLicenses(ctx, operationId);
}

/** Also those that an earlier attempt has found. */
async function unknownLicenses(ctx: TenancyContext, operationId: string): Promise<UnknownLicense[]> {
  const rows = await ctx.control
    .selectFrom("backups")
    .select(["id", "license_key", "taken_at"])
    .where("operation_id", "=", operationId)
    .where("kind", "!=", "control")
    .where("license_id", "is", null)
    .where("state", "=", "ready")
    .orderBy("taken_at")
    .execute();
  return rows.flatMap(({ id, license_key: licenseKey, taken_at: takenAt }) =>
    licenseKey === null || takenAt === null
      ? []
      : [{ backupId: id, licenseKey, takenAt: takenAt.toISOString() }],
  );
}

/** Returns the archives that nothing is on record of, oldest first. Names pass through a table, however many there are. */
async function forgetMissing(
  ctx: TenancyContext,
  store: BackupStore,
  signal: AbortSignal,
): Promise<readonly StoreName[]> {
  const [backups, attempts, licenses] = ["backups", "backup_attempts", "licenses"].map((table) =>
    sql.id(CONTROL_SCHEMA, table),
  ) as [RawBuilder<unknown>, RawBuilder<unknown>, RawBuilder<unknown>];
  return ctx.control.connection().execute(async (connection) => {
    await sql`create temporary table stored_archives (name text primary key)`.execute(connection);
    try {
      let names: string[] = [];
      const send = async (): Promise<void> => {
        await sql`insert into pg_temp.stored_archives select unnest(${names}::text[])`.execute(connection);
        names = [];
      };
      for await (const { name } of store.list("")) {
        signal.throwIfAborted();
        if (name.endsWith(".tar")) names.push(name);
        if (names.length === BATCH) await send();
      }
      await send();
      await sql`
        update ${backups} set state = 'gone', gone_at = now()
        where state = 'ready' and not exists (select from pg_temp.stored_archives as stored where stored.name = backups.name)`.execute(
        connection,
      );
      // Another store may have been looked at before.
      await sql`
        update ${backups} set state = 'ready', gone_at = null
        from pg_temp.stored_archives as stored
        where stored.name = backups.name and state = 'gone' and sha256 is not null
          and not exists (select from ${attempts} as attempt where attempt.name = backups.name)
          and not exists (select from ${licenses} as license where license.id = license_id and erased_at is not null)`.execute(
        connection,
      );
      const { rows } = await sql<{ name: string }>`
        select name from pg_temp.stored_archives as stored
        where not exists (select from ${backups} where backups.name = stored.name) order by name`.execute(
        connection,
      );
      return rows.flatMap(({ name }) => storeName(name) ?? []);
    } finally {
      await sql`drop table pg_temp.stored_archives`.execute(connection);
    }
  });
}

async function record(
  ctx: TenancyContext,
  operationId: string,
  name: StoreName,
  archive: OpenArchive,
): Promise<void> {
  const { header, license, tenant, figures, contents } = archive;
  const known = await knownLicense(ctx.control, license?.id ?? null);
  if (known !== null && known.erased_at !== null) return;
  if (license !== null && known === null && (await isErased(ctx.backups.store, license.id))) return;
  const attempt = await ctx.control
    .selectFrom("backup_attempts")
    .innerJoin("backups", "backups.id", "backup_attempts.backup_id")
    .select(["backups.id", "backups.state"])
    .where("backup_attempts.archive_id", "=", header.id)
    .executeTakeFirst();
  // Left by an attempt that another one has made good: the maintenance removes it.
  if (attempt !== undefined && attempt.state !== "making") return;
  const about = {
    state: "ready" as const,
    archive_id: header.id,
    name,
    tenant_id: tenant?.id ?? null,
    schema_name: tenant?.schema ?? null,
    blueprint: tenant?.blueprint ?? null,
    version: tenant?.version ?? null,
    bytes: archive.bytes,
    rows: figures.tables.reduce((sum, { rows }) => sum + rows, 0),
    tables: contents.tables.length,
    sha256: archive.sha256,
    key_id: header.encryption?.keyId ?? null,
    signed: archive.signed,
    taken_at: new Date(header.takenAt),
    checked_at: sql<Date>`now()`,
  };
  const backupId = attempt?.id ?? randomUUIDv7();
  if (attempt !== undefined) {
    await ctx.control.updateTable("backups").set(about).where("id", "=", backupId).execute();
    await ctx.control.deleteFrom("backup_attempts").where("archive_id", "=", header.id).execute();
  } else {
    await ctx.control
      .insertInto("backups")
      .values({
        ...about,
        id: backupId,
        operation_id: operationId,
        kind: header.kind,
        license_id: known?.id ?? null,
        license_key: license?.key ?? null,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

/** One that was sold and erased after the control data were taken. */
async function isErased(store: BackupStore, licenseId: string): Promise<boolean> {
  return store.get(markerOf(licenseId)).then(
    () => true,
    (error: unknown) => {
      if (error instanceof StoreError && error.kind === "not-found") return false;
      throw error;
    },
  );
}

async function knownLicense(control: ControlDatabase, id: string | null) {
  if (id === null) return null;
  const license = await control
    .selectFrom("licenses")
    .select(["id", "erased_at"])
    .where("id", "=", id)
    .executeTakeFirst();
  return license ?? null;
}
