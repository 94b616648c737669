import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { inspect } from "node:util";
import { archiveSink, backupKeyId, newDataKey, openArchive, wrapKey } from "@tenantry/archive";
import { createPool, loadSnapshot, type Pool, takeSnapshot } from "@tenantry/schema";
import type { Answer, Order } from "./tenantry-process.ts";

// A process of its own, as the worker is one: what backs up and restores as Tenantry does, but for the operation and the queue.

const BACKUP_KEY = Buffer.alloc(32, "bench");
const READ_BYTES = 1024 * 1024;

process.on("message", (order: Order) => {
  carryOut(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      process.stderr.write(`${inspect(error)}\n`);
      process.exit(1);
    },
  );
});
process.send?.("ready");

const kept = new Map<string, Pool>();

async function carryOut(order: Order): Promise<Answer> {
  const { databaseUrl, again = false } = order;
  const pool = again ? (kept.get(databaseUrl) ?? open(databaseUrl)) : open(databaseUrl);
  if (again) kept.set(databaseUrl, pool);
  try {
    const begun = performance.now();
    const figures = await (order.kind === "backup" ? backUp(pool, order) : restore(pool, order));
    const seconds = (performance.now() - begun) / 1000;
    return { ...figures, seconds, peakMb: process.resourceUsage().maxRSS / 1024 };
  } finally {
    if (!again) await pool.end();
  }
}

function open(connectionString: string): Pool {
  return createPool({
    connectionString,
    applicationName: "bench backup",
    max: 2,
    statementTimeout: 60_000,
    lockTimeout: 10_000,
    idleInTransactionTimeout: 60_000,
    onConnectionLost: () => undefined,
  });
}

/** Written to disk for good, under keys where the order has some; the wrapped key lies beside. */
async function backUp(
  pool: Pool,
  { schema, file, encrypted }: Order,
): Promise<{ rows: number; bytes: number }> {
  const id = randomUUID();
  const keys = encrypted
    ? { dataKey: newDataKey(), backupKey: BACKUP_KEY }
    : { dataKey: null, backupKey: null };
  const handle = await openFile(file, "w");
  try {
    const sink = archiveSink({
      header: {
        ...{ id, kind: "tenant", takenAt: new Date().toISOString(), tool: "bench", installationId: id },
        encryption: encrypted ? { algorithm: "AES-256-GCM", keyId: backupKeyId(BACKUP_KEY) } : null,
      },
      subject: {
        license: { id, key: "AAAA-BBBB-CCCC-DDDD", blueprint: "bench" },
        tenant: { id, schema, role: schema, blueprint: "bench", version: "1", placement: "default" },
      },
      keys,
      write: async (chunk) => void (await handle.write(chunk)),
    });
    const { figures } = await takeSnapshot(pool, {
      schema,
      lockOut: false,
      sink,
      onTable: async () => undefined,
    });
    await handle.sync();
    if (keys.dataKey !== null) {
      const key = await openFile(`${file}.key`, "w");
      await key.writeFile(wrapKey(keys.dataKey, BACKUP_KEY, id));
      await key.close();
    }
    return { rows: figures.tables.reduce((sum, { rows }) => sum + rows, 0), bytes: sink.summary().bytes };
  } finally {
    await handle.close();
  }
}

/** From the check of the whole file to the commit, the comparison of every table with the archive included. */
async function restore(
  pool: Pool,
  { schema, file, encrypted }: Order,
): Promise<{ rows: number; bytes: number }> {
  const wrapped = encrypted ? await openFile(`${file}.key`) : null;
  const wrappedKey = (await wrapped?.readFile()) ?? null;
  await wrapped?.close();
  const archive = await openArchive(
    { read: async () => createReadStream(file, { highWaterMark: READ_BYTES }) },
    { wrappedKey, backupKey: encrypted ? BACKUP_KEY : null },
  );
  const outcome = await loadSnapshot(pool, {
    source: archive,
    schema,
    role: null,
    gateway: null,
    mayProceed: async () => true,
    onTable: () => undefined,
    finish: async () => "commit",
  });
  if (outcome.kind !== "loaded") throw new Error(`the restore ended as ${outcome.kind}`);
  return { rows: outcome.figures.rows, bytes: archive.bytes };
}
