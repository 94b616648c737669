import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { performedBackup, performedLicense } from "../../../../test/support/perform.ts";
import { CALLER } from "../../../../test/support/restores.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { checkBackup } from "./check-backup.ts";
import { importBackup } from "./import-backup.ts";
import { backupRow, listBackups } from "./list-backups.ts";
import { readBackupContent } from "./read-backup-content.ts";
import { removeBackup } from "./remove-backup.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({
  databaseUrl: database.url,
  blueprints: [tiny],
  backups: { key: Buffer.alloc(32, 7) },
});
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

async function files(): Promise<number> {
  let count = 0;
  for await (const _ of ctx.backups.store.list("")) count += 1;
  return count;
}

describe("an archive that was exported here", async () => {
  const key = await performedLicense(installation, ORDER);

  /** The file of a backup that is in no list any more. */
  async function exported(): Promise<Buffer> {
    const { id } = await performedBackup(installation, key);
    const { stream } = await readBackupContent(ctx, id, "archive");
    const file = await buffer(stream);
    expect(await removeBackup(ctx, await backupRow(ctx, id))).toBe(true);
    return file;
  }

  it("can be brought in when its backup was removed", async () => {
    const file = await exported();
    const { id } = await importBackup(ctx, Readable.from([file]), CALLER);
    expect(await checkBackup(ctx, id)).toMatchObject({ state: "ready", trouble: null });
    expect(await removeBackup(ctx, await backupRow(ctx, id))).toBe(true);
    const again = await importBackup(ctx, Readable.from([file]), CALLER);
    expect(await checkBackup(ctx, again.id)).toMatchObject({ state: "ready", trouble: null });
  });

  it("is one backup, however often it is brought in at once", async () => {
    const file = await exported();
    const before = await files();
    const made = await Promise.all([1, 2, 3, 4].map(() => importBackup(ctx, Readable.from([file]), CALLER)));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(await checkBackup(ctx, made[0]?.id ?? "")).toMatchObject({ trouble: null });
    expect(await files()).toBe(before + 2);
  });

  it("stays in the store when it was recorded, though the answer to that was lost", async () => {
    const file = await exported();
    let commits = 0;
    const control = new Proxy(ctx.control, {
      get: (of, name) => {
        if (name !== "transaction") return Reflect.get(of, name).bind(of);
        return () => ({
          execute: async (work: never) => {
            const done = await of.transaction().execute(work);
            commits += 1;
            if (commits === 1) throw Object.assign(new Error("Connection terminated unexpectedly"), {});
            return done;
          },
        });
      },
    });
    const answer = await importBackup({ ...ctx, control }, Readable.from([file]), CALLER).catch(() => null);
    expect(commits).toBe(1);
    const [newest] = (await listBackups(ctx, { licenseKey: key }, { limit: 1 })).items;
    expect(answer).toMatchObject({ id: newest?.id });
    expect(await checkBackup(ctx, newest?.id ?? "")).toMatchObject({ trouble: null });
  });
});
