import { randomUUIDv7 } from "node:crypto";
import {
  type ArchivedTenant,
  type ArchiveSink,
  type ArchiveSubject,
  archiveName,
  archiveSink,
  backupKeyId,
  keyName,
  newDataKey,
  type StoreName,
  wrapKey,
} from "@tenantry/archive";
import type { Pool, PoolClient, SnapshotSink, TakenSnapshot } from "@tenantry/schema";
import { takeSnapshot } from "@tenantry/schema";
import { sql } from "kysely";
import { type Claim, claimStanding, type Standing } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import { VERSION } from "../version.ts";

/** How often long work looks whether it is still wanted. Milliseconds. */
const STANDING_INTERVAL_MS = 1_000;

/** The work is no longer this worker's, or no longer wanted. */
export class Stopped extends Error {
  readonly standing: Standing;

  constructor(standing: Standing) {
    super(`stopped: ${standing}`);
    this.standing = standing;
  }
}

export interface ArchiveOrder {
  readonly claim: Claim;
  readonly backupId: string;
  readonly kind: "tenant" | "control";
  readonly licenseKey: string | null;
  /** What the archive says that it is of. The tenant's version is read with its rows. */
  readonly subject: ArchiveSubject;
  readonly pool: Pool;
  readonly schema: string;
  readonly onTable: (table: string, done: number, total: number) => void;
  /**
   * Keeps writers out, and runs in the snapshot's transaction when the archive is whole in the store: see `takeSnapshot`.
   */
  readonly thenInTransaction?: (
    client: PoolClient,
    written: WrittenArchive,
  ) => Promise<"commit" | "roll-back">;
}

/** An archive that is whole and has its name in the store. */
export interface WrittenArchive {
  readonly archiveId: string;
  readonly name: StoreName;
  readonly bytes: number;
  readonly sha256: string;
  readonly keyId: string | null;
  readonly signed: boolean;
  readonly snapshot: TakenSnapshot;
}

/**
 * Takes a snapshot of a schema into the store, as an archive that nobody else writes: each attempt has its own. It is noted
 * before its first byte, so that what a dead worker left is found (`removeAbandoned`).
 *
 * @throws Stopped when the claim is lost or a cancel was asked for; what the snapshot and the store throw.
 */
export async function writeArchive(ctx: TenancyContext, order: ArchiveOrder): Promise<WrittenArchive> {
  const { store, key } = ctx.backups;
  const { archiveId, name } = await noteAttempt(ctx, order);
  const dataKey = key === null ? null : newDataKey();
  const keyId = key === null ? null : backupKeyId(key);
  // Before the archive: one that can be seen can be read.
  if (dataKey !== null && key !== null) await store.put(keyName(name), wrapKey(dataKey, key, archiveId));

  const file = openFile((fill) => store.write(name, fill));
  const taker = snapshotTaker(ctx, order, async (contents) => {
    const { tenant } = order.subject;
    return archiveSink({
      header: {
        id: archiveId,
        kind: order.kind,
        takenAt: contents.takenAt,
        tool: `tenantry ${VERSION}`,
        installationId: ctx.installationId,
        encryption: keyId === null ? null : { algorithm: "AES-256-GCM", keyId },
      },
      subject: { ...order.subject, tenant: tenant === null ? null : withVersion(tenant, contents.ledger) },
      keys: { dataKey, backupKey: key },
      write: file.write,
    });
  });
  const written = (snapshot: TakenSnapshot): WrittenArchive => ({
    ...{ archiveId, name, keyId, signed: key !== null, snapshot },
    ...taker.summary(),
  });
  try {
    const { thenInTransaction } = order;
    const snapshot = await takeSnapshot(order.pool, {
      schema: order.schema,
      lockOut: thenInTransaction !== undefined,
      sink: taker.sink,
      onTable: taker.onTable,
      ...(thenInTransaction === undefined
        ? {}
        : {
            beforeEnd: async (client) => {
              await file.end();
              return thenInTransaction(client, written(taker.taken()));
            },
          }),
    });
    await file.end();
    return written(snapshot);
  } catch (error) {
    await file.abandon(error);
    throw error;
  }
}

function withVersion(tenant: ArchivedTenant, ledger: readonly string[]): ArchivedTenant {
  return { ...tenant, version: ledger.at(-1) ?? tenant.version };
}

async function noteAttempt(
  ctx: TenancyContext,
  order: ArchiveOrder,
): Promise<{ archiveId: string; name: StoreName }> {
  // The first attempt's is the backup's own, so that people find its file.
  const archiveId = order.claim.attempt === 1 ? order.backupId : randomUUIDv7();
  const { rows } = await sql<{ now: Date }>`select now()`.execute(ctx.control);
  const takenAt = rows[0]?.now ?? new Date();
  const name = archiveName({ kind: order.kind, licenseKey: order.licenseKey, takenAt, id: archiveId });
  await ctx.control
    .insertInto("backup_attempts")
    .values({ archive_id: archiveId, backup_id: order.backupId, attempt: order.claim.attempt, name })
    .execute();
  return { archiveId, name };
}

/**
 * Looks now and then whether long work is still wanted: asked as often as one likes.
 *
 * @throws Stopped
 */
export function wantedWatch(ctx: TenancyContext, claim: Claim): () => Promise<void> {
  let looked = 0;
  return async () => {
    if (performance.now() - looked < STANDING_INTERVAL_MS) return;
    const standing = await claimStanding(ctx, claim);
    if (standing !== "valid") throw new Stopped(standing);
    looked = performance.now();
  };
}

/** A sink that begins its archive when it knows what of, and looks now and then whether it is still wanted. */
function snapshotTaker(
  ctx: TenancyContext,
  order: ArchiveOrder,
  begin: (contents: Parameters<SnapshotSink["begin"]>[0]) => Promise<ArchiveSink>,
) {
  let archive: ArchiveSink | null = null;
  let taken: TakenSnapshot | null = null;
  let contents: TakenSnapshot["contents"] | null = null;
  const assertWanted = wantedWatch(ctx, order.claim);
  const begun = (): ArchiveSink => {
    if (archive === null) throw new Error("the snapshot hasn't begun");
    return archive;
  };
  const sink: SnapshotSink = {
    begin: async (given) => {
      contents = given;
      archive = await begin(given);
      await archive.begin(given);
    },
    rows: async (table, chunk) => {
      await assertWanted();
      await begun().rows(table, chunk);
    },
    end: async (figures) => {
      await begun().end(figures);
      if (contents !== null) taken = { contents, figures };
    },
  };
  return {
    sink,
    onTable: async (table: string, done: number, total: number): Promise<void> => {
      order.onTable(table, done, total);
      await assertWanted();
    },
    summary: () => begun().summary(),
    taken: (): TakenSnapshot => {
      if (taken === null) throw new Error("the snapshot hasn't ended");
      return taken;
    },
  };
}

type Fill = (write: (chunk: Buffer) => Promise<void>) => Promise<void>;

/** Turns a store that calls for what it is to write into a file that is written, ended or abandoned from outside. */
function openFile(write: (fill: Fill) => Promise<void>) {
  const opened = Promise.withResolvers<(chunk: Buffer) => Promise<void>>();
  const filled = Promise.withResolvers<void>();
  const stored = write(async (chunk) => {
    opened.resolve(chunk);
    await filled.promise;
  });
  // Whoever writes or ends it hears of it.
  stored.catch(opened.reject);
  opened.promise.catch(() => undefined);
  return {
    write: async (chunk: Buffer): Promise<void> => (await opened.promise)(chunk),
    end: async (): Promise<void> => {
      filled.resolve();
      await stored;
    },
    abandon: async (reason: unknown): Promise<void> => {
      filled.reject(reason);
      filled.promise.catch(() => undefined);
      await stored.catch(() => undefined);
    },
  };
}
