import { rename, rm, writeFile } from "node:fs/promises";
import { announceChildren } from "@tenantry/jobs";
import {
  importBackup,
  keepBackups,
  listBackups,
  orderBackups,
  readBackupContent,
  tidyBackups,
} from "@tenantry/tenancy";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "./support/database.ts";
import { ended } from "./support/requests.ts";
import { openTestInstallation } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
const PAGE = { limit: 200 };
const DAY = 86_400_000;

describe("the retention of backups", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    blueprints: [tiny],
    backups: { retention: { last: 2, daily: 4, weekly: 0, monthly: 0 }, key: Buffer.alloc(32, 7) },
  });
  const { ctx, queues, backupDirectory } = installation;
  await installation.work({ concurrency: 2 });
  const tenants = await readyTenants(installation, 2, ORDER);
  const [first, second] = tenants.map(({ key }) => key) as [string, string];

  /** A run over everything as if it had been so many days ago. */
  async function daysAgo(days: number): Promise<void> {
    const { operation } = (await orderBackups(ctx, { licenseKeys: null }, CALLER)).answer;
    await announceChildren(ctx, queues, operation.id);
    expect(await ended(installation, operation.id)).toMatchObject({ result: { succeeded: 3 } });
    await sql`update tenantry.backups set taken_at = date_trunc('day', now()) - ${days} * interval '1 day'
      from tenantry.operations as child where child.id = operation_id and child.parent_id = ${operation.id}`.execute(
      ctx.control,
    );
  }

  async function agesOf(filter: { licenseKey: string } | { kind: "control" }): Promise<number[]> {
    const { items } = await listBackups(ctx, filter, PAGE);
    const today = Math.floor(Date.now() / DAY);
    return items
      .map(({ takenAt }) => today - Math.floor(Date.parse(takenAt ?? "") / DAY))
      .sort((a, b) => a - b);
  }

  /** Every file that a list tells of is there, and none that no list tells of. */
  async function expectStoreAsListed(): Promise<void> {
    const listed = await ctx.control
      .selectFrom("backups")
      .select("name")
      .where("state", "=", "ready")
      .execute();
    const names = listed.flatMap(({ name }) => [name, `${name}.key`]).sort();
    const files: string[] = [];
    for await (const { name } of ctx.backups.store.list("")) files.push(name);
    expect(files.sort()).toEqual(names);
  }

  it("keeps what it names of each tenant and of the control data, and leaves no file of the others", async () => {
    for (const days of [30, 9, 8, 3, 3, 2, 1]) await daysAgo(days);
    const { items } = await listBackups(ctx, { licenseKey: second }, PAGE);
    // Of the second tenant only the two oldest are good: the newest good one stays, however old.
    for (const { id, takenAt } of items) {
      if (Date.parse(takenAt ?? "") < Date.now() - 9 * DAY) continue;
      await ctx.control
        .updateTable("backups")
        .set({ trouble: JSON.stringify({ code: "BACKUP_CORRUPT", detail: "broken" }) })
        .where("id", "=", id)
        .execute();
    }
    expect(await tidyBackups(ctx)).toMatchObject({ retired: 3 + 3 });
    expect(await agesOf({ licenseKey: first })).toEqual([1, 2, 3, 8]);
    expect(await agesOf({ kind: "control" })).toEqual([1, 2, 3, 8]);
    expect(await agesOf({ licenseKey: second })).toEqual([1, 2, 3, 3, 8, 9, 30]);
    await expectStoreAsListed();
    expect(await tidyBackups(ctx)).toMatchObject({ retired: 0 });
  });

  it("shows nothing that isn't there and forgets nothing that is, when the store is away meanwhile", async () => {
    await daysAgo(0);
    const aside = `${backupDirectory}-aside`;
    await rename(backupDirectory, aside);
    await writeFile(backupDirectory, "not a folder");
    await expect(tidyBackups(ctx)).rejects.toMatchObject({ name: "StoreError" });
    const [gone] = (await listBackups(ctx, { kind: "control", state: "gone" }, PAGE)).items;
    expect(gone).toBeDefined();
    await rm(backupDirectory);
    await rename(aside, backupDirectory);
    await tidyBackups(ctx);
    expect(await keepBackups(ctx)).toMatchObject({ abandoned: 1 });
    await expectStoreAsListed();
  });

  it("leaves alone what somebody has brought in, and the last backup of a tenant that was deleted", async () => {
    const [oldest] = (await listBackups(ctx, { licenseKey: first }, PAGE)).items.slice(-1);
    const { stream } = await readBackupContent(ctx, oldest?.id ?? "", "archive");
    await sql`update tenantry.backups set state = 'gone', gone_at = now(), archive_id = null where id = ${oldest?.id}`.execute(
      ctx.control,
    );
    const imported = await importBackup(ctx, stream, CALLER);
    await sql`update tenantry.backups set taken_at = now() - interval '3 years' where id = ${imported.id}`.execute(
      ctx.control,
    );
    await tidyBackups(ctx);
    expect((await listBackups(ctx, { licenseKey: first }, PAGE)).items.map(({ id }) => id)).toContain(
      imported.id,
    );
    const [last] = (await listBackups(ctx, { licenseKey: second }, PAGE)).items.slice(-1);
    await sql`update tenantry.backups set kind = 'last', taken_at = now() - interval '3 years' where id = ${last?.id}`.execute(
      ctx.control,
    );
    await tidyBackups(ctx);
    expect((await listBackups(ctx, { kind: "last" }, PAGE)).items.map(({ id }) => id)).toEqual([last?.id]);
  });
});
