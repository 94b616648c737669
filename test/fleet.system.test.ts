import {
  deleteLicense,
  fleetFigures,
  listFleetTenants,
  orderRestore,
  retryOperation,
} from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import {
  acceptFleet,
  expectWhole,
  FLEET_ORDER,
  oldTenants,
  performFleet,
  tenantFacts,
} from "./support/fleet.ts";
import { fleetBlueprint, PICKY } from "./support/fleet-blueprint.ts";
import { hold } from "./support/locks.ts";
import { perform, performedBackup, performedLicense } from "./support/perform.ts";
import { CALLER } from "./support/restores.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const database = await createTestDatabase();
const keys = await oldTenants(database.url, fleetBlueprint(1), 14);
const admin = (text: string) => withAdmin(database.adminUrl, (client) => client.query(text));

describe("a fleet migration", async () => {
  const second = await openTestInstallation({ databaseUrl: database.url, blueprints: [fleetBlueprint(2)] });

  it("upgrades whoever is behind, in waves, each once, beside somebody who is at work", async () => {
    const { kind, figures } = await withAdmin(database.adminUrl, () => performFleet(second, { canary: 2 }));
    expect(kind).toBe("succeeded");
    expect(figures).toMatchObject({ waves: [2, 8, 4], tenants: { total: 14, done: 14 }, paused: null });
    const facts = await tenantFacts(second, database.adminUrl);
    expectWhole(facts);
    expect(facts.map(({ applied }) => applied)).toEqual(Array(14).fill(1));
    const operation = await second.ctx.control
      .selectFrom("operations")
      .selectAll()
      .where("kind", "=", "migrate-fleet")
      .executeTakeFirstOrThrow();
    expect(operation).toMatchObject({
      result: { tenants: 14, upgraded: 14, failed: 0 },
      percent: 100,
      done: "14",
      total: "14",
    });
  });

  it("touches none that are current", async () => {
    // Whoever looked into one of them would wait.
    const release = await hold(database.adminUrl, "lock table fleet_0001.kysely_migration");
    const { kind, figures } = await performFleet(second);
    expect([kind, figures.tenants.total]).toEqual(["succeeded", 0]);
    await release();
  });

  it("leaves a tenant that fails at its old version, whole, and goes on within its budget", async () => {
    const poisoned = (await tenantFacts(second, database.adminUrl)).filter((_, index) => index % 7 === 3);
    for (const { schema } of poisoned) await admin(`insert into "${schema}".items values (1, 'poison')`);
    const picky = await openTestInstallation({
      databaseUrl: database.url,
      blueprints: [fleetBlueprint(3, [PICKY])],
    });
    const { id, kind, figures } = await performFleet(picky, { maxFailures: 2 });
    expect([kind, figures.tenants]).toEqual(["succeeded", expect.objectContaining({ done: 12, failed: 2 })]);
    const facts = await tenantFacts(picky, database.adminUrl);
    expectWhole(facts);
    expect(facts.filter(({ registered }) => registered === "0002_applied")).toHaveLength(2);
    const { items } = await listFleetTenants(picky.ctx, id, { state: "failed" }, { limit: 50 });
    expect(items.map(({ schema }) => schema).sort()).toEqual(poisoned.map(({ schema }) => schema));
    expect(items[0]?.error).toMatchObject({
      code: "MIGRATION_FAILED",
      detail: expect.stringContaining("no_poison"),
    });

    for (const { schema } of poisoned) await admin(`delete from "${schema}".items`);
    await retryOperation(picky.ctx, id, CALLER);
    expect((await perform(picky, id)).kind).toBe("succeeded");
    expect((await fleetFigures(picky.ctx, id)).tenants).toMatchObject({ done: 14, failed: 0 });
    expectWhole(await tenantFacts(picky, database.adminUrl));
    await expect(retryOperation(picky.ctx, id, CALLER)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
  });

  it("leaves alone what an older Tenantry doesn't know", async () => {
    const before = await tenantFacts(second, database.adminUrl);
    await expect(acceptFleet(second)).rejects.toMatchObject({ code: "TENANT_NEWER" });
    expect(await tenantFacts(second, database.adminUrl)).toEqual(before);
    // Its registry was restored from an old backup, say: then the tenant's own ledger says no.
    await second.ctx.control
      .updateTable("tenants")
      .set({ version: "0001_items" })
      .where("schema_name", "=", before[0]?.schema ?? "")
      .execute();
    const { figures, id } = await performFleet(second, { licenseKeys: [keys[0]] });
    expect(figures.tenants).toMatchObject({ failed: 1, total: 1 });
    const { items } = await listFleetTenants(second.ctx, id, {}, { limit: 1 });
    expect(items[0]?.error?.code).toBe("TENANT_NEWER");
    expect((await tenantFacts(second, database.adminUrl))[0]?.ledger).toEqual(before[0]?.ledger);
    await second.ctx.control.updateTable("tenants").set({ version: "0009_picky" }).execute();
  });

  it("finds a tenant that was upgraded already at its new version, and only notes it", async () => {
    const picky = await openTestInstallation({
      databaseUrl: database.url,
      blueprints: [fleetBlueprint(3, [PICKY])],
    });
    await picky.ctx.control
      .updateTable("tenants")
      .set({ version: "0002_applied" })
      .where("schema_name", "in", ["fleet_0001", "fleet_0002"])
      .execute();
    const { figures } = await performFleet(picky);
    expect(figures.tenants).toMatchObject({ total: 2, done: 2 });
    expectWhole(await tenantFacts(picky, database.adminUrl));
    // One that is made meanwhile is current.
    await performedLicense(picky, FLEET_ORDER);
    expect((await performFleet(picky)).figures.tenants.total).toBe(0);
  });
});

describe("tenants that a fleet migration can't have", async () => {
  const own = await createTestDatabase();
  const ownKeys = await oldTenants(own.url, fleetBlueprint(1), 7);
  const installation = await openTestInstallation({ databaseUrl: own.url, blueprints: [fleetBlueprint(2)] });
  const { ctx } = installation;
  const run = (text: string) => withAdmin(own.adminUrl, (client) => client.query(text));
  let id = "";

  it("are told by what is wrong with each, and hold up no other", async () => {
    const release = await hold(own.adminUrl, "lock table fleet_0002.items in access share mode");
    await run("drop schema fleet_0003 cascade");
    await run("alter schema fleet_0004 rename to elsewhere");
    await run("alter table fleet_0005.items add column price text");
    const backup = await performedBackup(installation, ownKeys[5] ?? "");
    const restore = await orderRestore(ctx, { id: backup.id, mode: "replace" }, CALLER);
    const done = await performFleet(installation, { maxFailures: "100%" });
    id = done.id;
    expect(done.figures.tenants).toMatchObject({ done: 2, failed: 5 });
    const { items } = await listFleetTenants(ctx, id, { state: "failed" }, { limit: 10 });
    expect(Object.fromEntries(items.map(({ schema, error }) => [schema, error?.code]))).toEqual({
      fleet_0002: "TENANT_BUSY",
      fleet_0003: "TENANT_NOT_FOUND",
      fleet_0004: "TENANT_NOT_FOUND",
      fleet_0005: "MIGRATION_FAILED",
      fleet_0006: "TENANT_BUSY",
    });
    await release();
    expect(await perform(installation, restore.answer.operation.id)).toMatchObject({ kind: "succeeded" });
  });

  it("are upgraded when that is mended, and skipped when they are gone", async () => {
    await run("alter schema elsewhere rename to fleet_0004");
    await run("alter table fleet_0005.items drop column price");
    await retryOperation(ctx, id, CALLER);
    await deleteLicense(ctx, { licenseKey: ownKeys[1] ?? "" }, CALLER);
    expect(await perform(installation, id)).toMatchObject({ kind: "succeeded" });
    expect((await fleetFigures(ctx, id)).tenants).toMatchObject({ done: 5, failed: 1, skipped: 1 });
    const lost = await ctx.control.selectFrom("tenants").selectAll().where("schema_name", "=", "fleet_0003");
    expect(await lost.executeTakeFirst()).toMatchObject({ version: "0001_items", state: "ready" });
  });
});
