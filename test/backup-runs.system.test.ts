import { announceChildren } from "@tenantry/jobs";
import {
  cancelOperation,
  checkBackup,
  listBackups,
  listOperations,
  orderBackups,
  retryOperation,
} from "@tenantry/tenancy";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { acceptLicense, ended } from "./support/requests.ts";
import { openTestInstallation, queueStores, type TestInstallation } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
const PAGE = { limit: 200 };

async function runOf(installation: TestInstallation, licenseKeys: string[] | null) {
  const { operation } = (await orderBackups(installation.ctx, { licenseKeys }, CALLER)).answer;
  await announceChildren(installation.ctx, installation.queues, operation.id);
  const run = await ended(installation, operation.id);
  const { items } = await listOperations(installation.ctx, { parentId: operation.id }, PAGE);
  return { run, children: [...items].reverse() };
}

describe.each(queueStores())("backups of many tenants, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [tiny],
  });
  const { ctx } = installation;
  await installation.work({ concurrency: 2 });

  it("are made of every tenant and the control data, and one that is broken holds up no other", async () => {
    const tenants = await readyTenants(installation, 20, ORDER);
    const unmade = await acceptLicense(installation, { ...ORDER, blueprint: "tiny" });
    await ctx.control
      .updateTable("tenants")
      .set({ state: "failed" })
      .where("schema_name", "=", unmade.tenant.schema)
      .execute();
    const broken = tenants[7];
    await withAdmin(database.adminUrl, (client) =>
      client.query(`ALTER SCHEMA ${broken?.row.schema_name} RENAME TO lost`),
    );
    const { run, children } = await runOf(installation, null);
    expect(run).toMatchObject({ state: "succeeded", result: { succeeded: 20, failed: 1, canceled: 0 } });
    expect(children[0]?.licenseKey).toBeUndefined();
    expect(children.filter(({ state }) => state === "failed")).toMatchObject([
      { licenseKey: broken?.key, error: { code: "BACKUP_FAILED" } },
    ]);

    const { items } = await listBackups(ctx, {}, PAGE);
    expect(items.map(({ licenseKey }) => licenseKey).sort()).toEqual(
      [...tenants.filter(({ key }) => key !== broken?.key).map(({ key }) => key), null].sort(),
    );
    const [control] = (await listBackups(ctx, { kind: "control" }, PAGE)).items;
    expect(await checkBackup(ctx, control?.id ?? "")).toMatchObject({ trouble: null, licenseKey: null });

    await withAdmin(database.adminUrl, (client) =>
      client.query(`ALTER SCHEMA lost RENAME TO ${broken?.row.schema_name}`),
    );
    await retryOperation(ctx, run.id, CALLER);
    expect(await ended(installation, run.id)).toMatchObject({ result: { succeeded: 21, failed: 0 } });
    expect((await listBackups(ctx, { licenseKey: broken?.key ?? "" }, PAGE)).items).toHaveLength(1);
  });

  it("are refused one by one of a list's licenses that aren't there or not made yet", async () => {
    const [tenant] = await readyTenants(installation, 1, ORDER);
    const unready = await acceptLicense(installation, ORDER);
    await ctx.control
      .updateTable("operations")
      .set({ state: "canceled", finished_at: sql<Date>`now()` })
      .where("id", "=", unready.operation.id)
      .execute();
    const { children } = await runOf(installation, ["NO-SUCH-KEY", tenant?.key ?? "", unready.license.key]);
    expect(children).toMatchObject([
      { state: "failed", licenseKey: "NO-SUCH-KEY", error: { code: "LICENSE_NOT_FOUND" } },
      { state: "succeeded", licenseKey: tenant?.key },
      { state: "failed", licenseKey: unready.license.key, error: { code: "TENANT_NOT_READY" } },
    ]);
    expect((await listBackups(ctx, { state: "making" }, PAGE)).items).toEqual([]);
    expect((await listBackups(ctx, { kind: "control" }, PAGE)).items).toHaveLength(1);
  });

  it("are accepted of ten thousand tenants in one short commit, spread over the time that is given", async () => {
    await withAdmin(database.adminUrl, (client) =>
      client.query(`
        SET search_path = tenantry;
        WITH license AS (
          INSERT INTO licenses (id, key, client_name, license_type, max_users, max_branches, blueprint, created_at)
          SELECT gen_random_uuid(), 'MANY-' || n, 'Client ' || n, 'trial', 1, 1, 'tiny', now() FROM generate_series(1, 10000) AS n
          RETURNING id, key
        )
        INSERT INTO tenants (id, license_id, blueprint, version, schema_name, role_name, placement, state, created_at, ready_at)
        SELECT gen_random_uuid(), id, 'tiny', '0001_items', lower(key), lower(key), 'default', 'ready', now(), now() FROM license`),
    );
    const began = performance.now();
    const { operation } = (
      await orderBackups(ctx, { licenseKeys: null }, CALLER, { spreadMs: (backups) => backups * 1_000 })
    ).answer;
    // Some 2 s on a machine that has nothing else to do; one statement for each tenant would take minutes.
    expect(performance.now() - began).toBeLessThan(30_000);
    const { rows } = await sql<{ children: number; first: number; last: number; backups: number }>`
      select count(*)::int as children,
        min(extract(epoch from available_at - created_at))::float8 as first,
        max(extract(epoch from available_at - created_at))::float8 as last,
        (select count(*) from tenantry.backups join tenantry.operations as of on of.id = operation_id
          where of.parent_id = ${operation.id} and backups.state = 'making')::int as backups
      from tenantry.operations where parent_id = ${operation.id}`.execute(ctx.control);
    const [found] = rows;
    expect(found?.children).toBe(found?.backups);
    expect(found?.children).toBeGreaterThan(10_000);
    expect(found?.first).toBe(0);
    expect(found?.last).toBe((found?.children ?? 0) - 1);
    expect(operation.children?.queued).toBe(found?.children);
    await cancelOperation(ctx, operation.id, CALLER);
  });
});
