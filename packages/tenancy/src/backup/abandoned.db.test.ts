import { randomUUIDv7 } from "node:crypto";
import { keyName, type StoreName } from "@tenantry/archive";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { untilBlocked } from "../../../../test/support/locks.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { readyTenants } from "../../../../test/support/tenants.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { type PerformOutcome, performOperation } from "../perform-operation.ts";
import { removeAbandoned, removeUnlessRecorded } from "./abandoned.ts";
import { orderBackup } from "./order-backup.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

const database = await createTestDatabase();
const installation = await openTestInstallation({
  databaseUrl: database.url,
  blueprints: [tiny],
  backups: { key: Buffer.alloc(32, 3) },
});
const { ctx } = installation;
const worker = await installation.work();
const [tenant] = await readyTenants(installation, 1, ORDER);
await worker.close();

async function ordered() {
  const { operation, backup } = (await orderBackup(ctx, { licenseKey: tenant?.key ?? "" }, CALLER)).answer;
  return { operationId: operation.id, backupId: backup.id };
}

function attempt(operationId: string): Promise<PerformOutcome> {
  return performOperation(ctx, {
    operationId,
    worker: "test",
    leaseMs: 60_000,
    maxAttempts: 8,
    sink: { progress: async () => undefined, log: async () => undefined },
  });
}

async function stored(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of ctx.backups.store.list("")) names.push(name);
  return names.sort();
}

const onRecord = (backupId: string) =>
  ctx.control
    .selectFrom("backups")
    .select(["archive_id as archiveId", "name"])
    .where("id", "=", backupId)
    .executeTakeFirstOrThrow() as Promise<{ archiveId: string; name: StoreName }>;

/** A transaction of somebody else's, to be ended by the test. */
async function somebody(statement: string, values: unknown[] = []): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.adminUrl });
  await client.connect();
  await client.query("BEGIN");
  await client.query(statement, values);
  return client;
}

describe("an archive", async () => {
  // A store that nothing was written to isn't there yet.
  expect(await attempt((await ordered()).operationId)).toMatchObject({ kind: "succeeded" });

  it("goes whose worker was taken for dead as it was about to say that the backup is made", async () => {
    const before = await stored();
    const { operationId, backupId } = await ordered();
    const reading = await somebody(`LOCK TABLE ${tenant?.row.schema_name}.items IN ACCESS EXCLUSIVE MODE`);
    const late = attempt(operationId);
    await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
    const other = await somebody("SELECT FROM tenantry.operations WHERE id = $1 FOR UPDATE", [operationId]);
    await reading.query("ROLLBACK");
    await reading.end();
    await expect.poll(async () => (await stored()).length, { timeout: 20_000 }).toBe(before.length + 2);
    await other.query(
      "UPDATE tenantry.operations SET attempts = attempts + 1, heartbeat_at = now() - interval '1 hour' WHERE id = $1",
      [operationId],
    );
    await other.query("COMMIT");
    await other.end();
    expect(await late).toMatchObject({ kind: "superseded" });
    expect(await stored()).toEqual(before);

    expect(await attempt(operationId)).toMatchObject({ kind: "succeeded" });
    const { name } = await onRecord(backupId);
    expect(await stored()).toEqual([...before, name, keyName(name)].sort());
    expect(await removeAbandoned(ctx)).toBe(0);
  });

  it("stays that is on record, also when the answer to that commit was lost", async () => {
    const { operationId, backupId } = await ordered();
    expect(await attempt(operationId)).toMatchObject({ kind: "succeeded" });
    const all = await stored();
    const written = await onRecord(backupId);
    await removeUnlessRecorded(ctx, backupId, written);
    expect(await stored()).toEqual(all);

    // As it was before that commit, which now goes on while its worker believes that it failed.
    await ctx.control
      .updateTable("backups")
      .set({ archive_id: randomUUIDv7() })
      .where("id", "=", backupId)
      .execute();
    await ctx.control
      .insertInto("backup_attempts")
      .values({ archive_id: written.archiveId, backup_id: backupId, attempt: 1, name: written.name })
      .execute();
    const commit = await somebody("UPDATE tenantry.backups SET archive_id = $1 WHERE id = $2", [
      written.archiveId,
      backupId,
    ]);
    await commit.query("DELETE FROM tenantry.backup_attempts WHERE archive_id = $1", [written.archiveId]);
    const removing = removeUnlessRecorded(ctx, backupId, written);
    await untilBlocked(database.adminUrl, "tenantry-test-control");
    await commit.query("COMMIT");
    await commit.end();
    await removing;
    expect(await stored()).toEqual(all);
  });

  it("goes when another one has become the backup, and takes nothing of that one with it", async () => {
    const { operationId, backupId } = await ordered();
    expect(await attempt(operationId)).toMatchObject({ kind: "succeeded" });
    const all = await stored();
    const { name } = await onRecord(backupId);
    const archiveId = randomUUIDv7();
    const useless = `${name.slice(0, -`${archiveId}.tar`.length)}${archiveId}.tar` as StoreName;
    await ctx.backups.store.put(useless, Buffer.from("an archive"));
    await ctx.backups.store.put(keyName(useless), Buffer.from("its key"));
    await removeUnlessRecorded(ctx, backupId, { archiveId, name: useless });
    expect(await stored()).toEqual(all);
  });
});
