import { cp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { announceAgain, announceChildren, announceNew } from "@tenantry/jobs";
import { erp } from "@tenantry/schema/blueprints/erp";
import {
  checkBackup,
  checkLicense,
  deleteLicense,
  eraseLicense,
  getLicense,
  importBackup,
  listBackups,
  listLicenseEvents,
  orderBackup,
  orderBackups,
  readBackupContent,
  restoreAll,
  signIn,
  suspendLicense,
} from "@tenantry/tenancy";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { startPrivateServer } from "./support/private-server.ts";
import { ADMIN_PASSWORD, ended } from "./support/requests.ts";
import { openTestInstallation, type TestInstallation } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const PAGE = { limit: 200 };
/** What nobody may find any more. */
const SECRETS = ["Zanzibar", "erased-one@example.com", "+20 100 200 300", "unpaid bills", "secretadmin"];
const CLIENT = {
  clientName: "Zanzibar Spices",
  email: "erased-one@example.com",
  phone: "+20 100 200 300",
  company: "Zanzibar Ltd",
  notes: "Zanzibar, third floor",
  adminUsername: "secretadmin",
};

const server = await startPrivateServer();

describe("erasing a license", async () => {
  const database = await createTestDatabase();
  const options = { blueprints: [erp], backups: { key: Buffer.alloc(32, 5) } };
  const source = await openTestInstallation({ databaseUrl: database.url, ...options });
  const { ctx, backupDirectory } = source;
  await source.work({ concurrency: 2 });

  async function allBackedUp(): Promise<void> {
    const { operation } = (await orderBackups(ctx, { licenseKeys: null }, CALLER)).answer;
    await announceChildren(ctx, source.queues, operation.id);
    expect(await ended(source, operation.id)).toMatchObject({ result: { failed: 0, canceled: 0 } });
  }

  /** A customer with a past, backed up twice over; and one that stays. */
  async function customers(): Promise<{ gone: string; stays: string }> {
    const [gone] = await readyTenants(source, 1, CLIENT);
    const [stays] = await readyTenants(source, 1);
    const key = gone?.key ?? "";
    await suspendLicense(ctx, key, { reason: "unpaid bills" }, CALLER);
    await checkLicense(ctx, key, { ip: "203.0.113.9", apiKeyId: null });
    await allBackedUp();
    const { answer, entry } = await orderBackup(ctx, { licenseKey: key }, CALLER);
    if (entry !== null) await announceNew(ctx, source.queues, entry);
    expect(await ended(source, answer.operation.id)).toMatchObject({ state: "succeeded" });
    return { gone: key, stays: stays?.key ?? "" };
  }

  async function deleted(licenseKey: string): Promise<void> {
    const { operation } = await deleteLicense(ctx, { licenseKey }, CALLER);
    await announceAgain(ctx, source.queues, operation.id);
    expect(await ended(source, operation.id)).toMatchObject({ state: "succeeded" });
  }

  /** Every row of the control data as text. */
  async function controlText(url: string): Promise<string> {
    return withAdmin(url, async (client) => {
      const { rows: tables } = await client.query<{ name: string }>(
        "SELECT c.oid::regclass::text AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname = 'tenantry' AND relkind = 'r'",
      );
      const texts: string[] = [];
      for (const { name } of tables) {
        const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} AS t`);
        texts.push(...rows.map(({ row }) => row));
      }
      return texts.join("\n");
    });
  }

  function expectNoSecret(haystack: string): void {
    for (const secret of SECRETS) expect(haystack).not.toContain(secret);
    expect(haystack).not.toContain("203.0.113.9");
  }

  async function expectErased(installation: TestInstallation, url: string, key: string): Promise<void> {
    expectNoSecret(await controlText(url));
    expect(await getLicense(installation.ctx, key)).toMatchObject({
      license: { key, clientName: "erased", email: null },
      tenant: { state: "deleted" },
    });
    const { items } = await listLicenseEvents(installation.ctx, key, PAGE);
    expect(items.map(({ type }) => type)).toContain("erased");
  }

  it("is refused for one that isn't deleted, or isn't there", async () => {
    const [tenant] = await readyTenants(source, 1);
    const licenseKey = tenant?.key ?? "";
    await expect(eraseLicense(ctx, { licenseKey }, CALLER)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    await expect(eraseLicense(ctx, { licenseKey: "NONE" }, CALLER)).rejects.toMatchObject({
      code: "LICENSE_NOT_FOUND",
    });
  });

  it("leaves nothing of the client: not in the control data, nor in any backup", async () => {
    const { gone, stays } = await customers();
    const before = await controlText(database.adminUrl);
    for (const secret of [...SECRETS, "203.0.113.9"]) expect(before).toContain(secret);
    const copy = `${backupDirectory}-copy`;
    await cp(backupDirectory, copy, { recursive: true });
    await deleted(gone);
    await allBackedUp();
    await eraseLicense(ctx, { licenseKey: gone }, CALLER);
    await expectErased(source, database.adminUrl, gone);
    expect((await listBackups(ctx, { licenseKey: gone }, PAGE)).items).toEqual([]);
    expect((await readdir(join(backupDirectory, "tenants"))).includes(gone)).toBe(false);
    // One backup of the control data is left, newer than all that.
    const { items } = await listBackups(ctx, { kind: "control" }, PAGE);
    expect(items).toHaveLength(1);
    await checkBackup(ctx, items[0]?.id ?? "");
    expect(await readdir(join(backupDirectory, "control"))).toHaveLength(2);
    const { stream } = await readBackupContent(ctx, items[0]?.id ?? "", "sql");
    expectNoSecret(await text(stream));
    expect((await listBackups(ctx, { licenseKey: stays }, PAGE)).items).not.toEqual([]);

    await eraseLicense(ctx, { licenseKey: gone }, CALLER);
    expect((await listBackups(ctx, { kind: "control" }, PAGE)).items).toMatchObject([{ id: items[0]?.id }]);

    // Somebody has kept the store as it was, with the customer and all; only the mark came to it.
    await cp(join(backupDirectory, "erased"), join(copy, "erased"), { recursive: true });
    const target = await server.createDatabase("rebuilt_erased");
    const installation = await openTestInstallation({ databaseUrl: target.url, ...options });
    const report = await restoreAll(installation.ctx, {
      from: pathToFileURL(copy).href,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    expect(report.tenants.map(({ licenseKey }) => licenseKey)).not.toContain(gone);
    await expectErased(installation, target.adminUrl, gone);
    const again = await openTestInstallation({ databaseUrl: target.url, ...options });
    const sign = (licenseKey: string, username: string) =>
      signIn(again.ctx, { licenseKey, username, password: ADMIN_PASSWORD, ttlMs: 60_000 });
    await expect(sign(gone, "secretadmin")).rejects.toMatchObject({ code: "INVALID_CREDENTIALS" });
    expect(await sign(stays, "admin")).toMatchObject({ user: { username: "admin" } });
    await rm(copy, { recursive: true });
  });

  it("doesn't come back with an archive that was taken away before", async () => {
    const { gone } = await customers();
    const [backup] = (await listBackups(ctx, { licenseKey: gone }, PAGE)).items;
    const file = await buffer((await readBackupContent(ctx, backup?.id ?? "", "archive")).stream);
    await deleted(gone);
    await eraseLicense(ctx, { licenseKey: gone }, CALLER);
    const refused = { code: "STATE_CONFLICT", message: expect.stringContaining(gone) };
    await expect(importBackup(ctx, Readable.from([file]), CALLER)).rejects.toMatchObject(refused);
    // Where the control data know nothing of it, the store does.
    const target = await createTestDatabase();
    const other = await openTestInstallation({ databaseUrl: target.url, ...options });
    const beside = { ...other.ctx, backups: ctx.backups };
    await expect(importBackup(beside, Readable.from([file]), CALLER)).rejects.toMatchObject(refused);
    expect((await listBackups(ctx, { licenseKey: gone }, PAGE)).items).toEqual([]);
    expect(await readdir(join(backupDirectory, "tenants"))).not.toContain("IMPORTED");
  });

  it("goes on where it was broken off", async () => {
    const { gone } = await customers();
    await deleted(gone);
    // The store goes away after the mark was written: as the first key is to be destroyed.
    await eraseWithout("tenants", gone);
    // And after the keys: when the control data are to be backed up.
    await eraseWithout("control", gone);
    await eraseLicense(ctx, { licenseKey: gone }, CALLER);
    await expectErased(source, database.adminUrl, gone);
    expect((await listBackups(ctx, { kind: "control" }, PAGE)).items).toHaveLength(1);
    const { rows } = await sql<{ n: number }>`
      select count(*)::int as n from tenantry.license_events join tenantry.licenses on licenses.id = license_id
      where type = 'erased' and key = ${gone}`.execute(ctx.control);
    expect(rows[0]?.n).toBe(1);
  });

  async function eraseWithout(folder: string, licenseKey: string): Promise<void> {
    const path = join(backupDirectory, folder);
    await rename(path, `${path}-aside`);
    await writeFile(path, "not a folder");
    await expect(eraseLicense(ctx, { licenseKey }, CALLER)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
    await rm(path);
    await rename(`${path}-aside`, path);
  }
});
