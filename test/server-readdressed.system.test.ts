import { announceNew } from "@tenantry/jobs";
import {
  addPlacement,
  confirmMove,
  drainPlacement,
  examineInstallation,
  examineLicense,
  orderMove,
  readdressPlacement,
  withTenant,
} from "@tenantry/tenancy";
import { sql } from "kysely";
import { expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { startPrivateServer } from "./support/private-server.ts";
import { ended } from "./support/requests.ts";
import { backedUp, CALLER, order } from "./support/restores.ts";
import { openTestInstallation } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";

const TINY = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
const ACTOR = "cli:test";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const old = await startPrivateServer();
const place = await old.createDatabase("second");
await addPlacement(ctx, { name: "second", url: place.url }, ACTOR);
await drainPlacement(ctx, "default", true, ACTOR);
const worker = await installation.work();

const items = (row: Parameters<typeof withTenant>[1]): Promise<number> =>
  withTenant(ctx, row, async (db) => {
    const { rows } = await sql<{ n: number }>`select count(*)::integer as n from items`.execute(db);
    return rows[0]?.n ?? -1;
  });

const sealed = () =>
  ctx.control.selectFrom("placements").select("url").where("name", "=", "second").executeTakeFirstOrThrow();

it("a server's password changes, and whoever runs goes on with the new one", async () => {
  const [tenant] = await readyTenants(installation, 1, TINY);
  if (tenant === undefined) throw new Error("no tenant");
  await withTenant(ctx, tenant.row, (db) => sql`insert into items values (1)`.execute(db));
  const url = new URL(place.url);
  const changed = new URL(place.url);
  changed.password = "another one";
  await withAdmin(old.superuserUrl, async (client) => {
    await client.query(`ALTER ROLE ${url.username} PASSWORD 'another one'`);
    await client.query(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1 AND application_name LIKE '%provisioning%'",
      [url.username],
    );
  });

  const placements = async () =>
    (await examineInstallation(ctx, { caller: CALLER, announce: async () => undefined }))
      .filter(({ check }) => check === "placements")
      .map(({ severity }) => severity);
  expect(await placements()).toEqual(["ok", "problem"]);
  const before = await sealed();
  const away = readdressPlacement(ctx, { name: "second", url: url.href, lost: false }, ACTOR);
  await expect(away).rejects.toMatchObject({
    code: "PLACEMENT_UNAVAILABLE",
    message: expect.not.stringContaining("only for tests"),
  });
  const empty = await old.createDatabase("empty");
  const wrong = readdressPlacement(ctx, { name: "second", url: empty.url, lost: false }, ACTOR);
  await expect(wrong).rejects.toMatchObject({ code: "STATE_CONFLICT", message: /^1 of the placement's/ });
  const home = readdressPlacement(ctx, { name: "second", url: database.url, lost: true }, ACTOR);
  await expect(home).rejects.toMatchObject({ code: "STATE_CONFLICT" });
  for (const [name, code] of [
    ["default", "STATE_CONFLICT"],
    ["third", "PLACEMENT_NOT_FOUND"],
  ]) {
    const other = readdressPlacement(ctx, { name: name ?? "", url: changed.href, lost: true }, ACTOR);
    await expect(other).rejects.toMatchObject({ code });
  }
  expect(await sealed()).toEqual(before);

  const done = await readdressPlacement(ctx, { name: "second", url: changed.href, lost: false }, ACTOR);
  expect(done).toMatchObject({ placement: { name: "second", tenants: 1 }, missing: [] });
  expect(JSON.stringify(done)).not.toContain("another");
  expect(await placements()).toEqual(["ok", "ok"]);
  expect(await readyTenants(installation, 1, TINY)).toHaveLength(1);
  expect(await items(tenant.row)).toBe(1);
});

it("a server is lost, another takes its place, and its tenants come back from their backups", async () => {
  const [tenant, moved] = await readyTenants(installation, 2, TINY);
  if (tenant === undefined || moved === undefined) throw new Error("no tenants");
  await withTenant(ctx, tenant.row, (db) => sql`insert into items values (1), (2)`.execute(db));
  const backup = await backedUp(installation, tenant.key);
  await drainPlacement(ctx, "default", false, ACTOR);
  const { answer, entry } = await orderMove(ctx, { licenseKey: moved.key, to: "default" }, CALLER);
  if (entry !== null) await announceNew(ctx, installation.queues, entry);
  expect(await ended(installation, answer.operation.id)).toMatchObject({ state: "succeeded" });

  const fresh = await (await startPrivateServer()).createDatabase("fresh");
  const held = readdressPlacement(ctx, { name: "second", url: fresh.url, lost: false }, ACTOR);
  await expect(held).rejects.toMatchObject({ code: "STATE_CONFLICT", hint: /--lost/ });
  const { missing } = await readdressPlacement(ctx, { name: "second", url: fresh.url, lost: true }, ACTOR);
  expect(missing).toContain(tenant.key);
  expect(missing).not.toContain(moved.key);
  const told = await examineInstallation(ctx, { caller: CALLER, announce: async () => undefined });
  expect(told.find(({ severity }) => severity === "problem")?.detail).toContain(tenant.key);
  // What the move had left is gone with the server.
  await confirmMove(ctx, { licenseKey: moved.key }, ACTOR);

  expect(await ended(installation, await order(installation, backup.id, "replace"))).toMatchObject({
    state: "succeeded",
  });
  expect(await items(tenant.row)).toBe(2);
  const findings = await examineLicense(ctx, {
    licenseKey: tenant.key,
    username: null,
    caller: CALLER,
    announce: async () => undefined,
  });
  expect(findings.filter(({ severity }) => severity === "problem")).toEqual([]);
  await withAdmin(fresh.adminUrl, async (client) => {
    const { rowCount } = await client.query("SELECT FROM pg_namespace WHERE nspname = $1", [
      tenant.row.schema_name,
    ]);
    expect(rowCount).toBe(1);
  });
  await worker.close();
});
