import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { fleetBlueprint, migration } from "../../../../test/support/fleet-blueprint.ts";
import { hold, untilBlocked } from "../../../../test/support/locks.ts";
import { schemaSnapshot } from "../../../../test/support/schema-snapshot.ts";
import { compileBlueprint } from "../blueprint/compile.ts";
import { type Blueprint, defineBlueprint } from "../blueprint/define.ts";
import { erp } from "../blueprints/erp/index.ts";
import { createPool } from "../pool.ts";
import { ensureGateway, gatewayOf } from "./gateway.ts";
import { provisionTenant } from "./provision.ts";
import { type UpgradeInput, upgradeTenant } from "./upgrade.ts";
import { UpgradeLane } from "./upgrade-lane.ts";

const { url, adminUrl } = await createTestDatabase();
const pool = createPool({
  connectionString: url,
  applicationName: "test-upgrade",
  max: 2,
  statementTimeout: 30_000,
  lockTimeout: 5_000,
  idleInTransactionTimeout: 30_000,
  onConnectionLost: () => undefined,
});
const gateway = gatewayOf("0123456789ab", 1);
await ensureGateway(pool, gateway, "only for tests");
const admin = async (text: string) => (await withAdmin(adminUrl, (client) => client.query(text))).rows;
let made = 0;

/** A tenant of a blueprint, and what its upgrade to another state of the blueprint is told. */
async function tenant(from: Blueprint, to: Blueprint): Promise<UpgradeInput> {
  made += 1;
  const [older, newer] = [await compileBlueprint(from), await compileBlueprint(to)];
  const own = { tenantId: randomUUID(), schema: `upgrade_${made}`, role: `${url.split("/").at(-1)}_${made}` };
  await provisionTenant(pool, {
    ...own,
    operationId: randomUUID(),
    gateway,
    blueprint: older,
    seed: {
      license: {
        key: `K-${made}`,
        clientName: "Test",
        email: null,
        phone: null,
        company: null,
        maxUsers: 4,
        maxBranches: 2,
      },
      admin: { username: "admin", passwordHash: "$argon2id$x" },
      parameters: {},
    },
    mayProceed: async () => true,
    onStep: () => undefined,
  });
  return {
    ...own,
    blueprint: newer,
    limits: { users: 7, branches: 3 },
    lockTimeoutMs: 200,
    from: older.version,
    to: newer.version,
  };
}

const ledgerOf = async ({ schema }: UpgradeInput): Promise<string[]> =>
  (await admin(`select name from ${schema}.kysely_migration order by 1`)).map(({ name }) => name);
const INDEX = {
  name: "0004_index",
  up: migration("", "create index items_price on items (price)").up,
  outsideTransaction: ["create index concurrently if not exists items_price on items (price)"],
};

describe("a tenant's upgrade", () => {
  it("leaves what a new tenant has, the limits of its license with it", async () => {
    const before = defineBlueprint({
      ...erp,
      migrations: erp.migrations.slice(0, -1),
      limits: [],
      seed: async () => undefined,
    });
    const old = await tenant(before, erp);
    const fresh = await tenant(erp, erp);
    expect(await upgradeTenant(pool, old)).toEqual({ kind: "upgraded", from: old.from });
    const shape = async ({ schema, role }: UpgradeInput) =>
      JSON.stringify(await withAdmin(adminUrl, (client) => schemaSnapshot(client, schema)))
        .replaceAll(schema, "S")
        .replaceAll(role, "R");
    expect(await shape(old)).toBe(await shape(fresh));
    expect(await admin(`select name, maximum from ${old.schema}.tenantry_limits order by 1`)).toEqual([
      { name: "branches", maximum: 3 },
      { name: "users", maximum: 7 },
    ]);
  });

  it("gives new tables to the tenant's role, and ends where it was told to", async () => {
    const to = fleetBlueprint(2, [migration("0007_more", "create table more (id int)")]);
    const one = await tenant(fleetBlueprint(1), to);
    expect(await upgradeTenant(pool, { ...one, to: "0002_applied" })).toMatchObject({ kind: "upgraded" });
    expect(await ledgerOf(one)).toEqual(["0001_items", "0002_applied"]);
    expect(await upgradeTenant(pool, one)).toEqual({ kind: "upgraded", from: "0002_applied" });
    const rights = `select has_table_privilege('${one.role}', '${one.schema}.more', 'insert') as may`;
    expect(await admin(rights)).toEqual([{ may: true }]);
    expect(await upgradeTenant(pool, one)).toEqual({ kind: "already-there", at: "0007_more" });
  });

  it("begins where the tenant's own ledger says, and refuses one with a gap", async () => {
    const one = await tenant(fleetBlueprint(1), fleetBlueprint(3));
    await upgradeTenant(pool, { ...one, to: "0002_applied" });
    expect(await upgradeTenant(pool, one)).toEqual({ kind: "upgraded", from: "0002_applied" });
    expect(await admin(`select count(*)::int as n from ${one.schema}.applied`)).toEqual([{ n: 2 }]);
    await admin(`delete from ${one.schema}.kysely_migration where name = '0002_applied'`);
    expect(await upgradeTenant(pool, one)).toEqual({ kind: "gap", missing: ["0002_applied"] });
  });

  it("changes nothing in another's schema, nor in one that is newer", async () => {
    const one = await tenant(fleetBlueprint(1), fleetBlueprint(2));
    expect(await upgradeTenant(pool, { ...one, tenantId: randomUUID() })).toEqual({ kind: "no-tenant" });
    expect(await ledgerOf(one)).toEqual(["0001_items"]);
    await admin(`insert into ${one.schema}.kysely_migration values ('0009_later', 'x')`);
    expect(await upgradeTenant(pool, one)).toEqual({ kind: "newer", unknown: ["0009_later"] });
    expect(await ledgerOf(one)).toEqual(["0001_items", "0009_later"]);
  });

  it("keeps nobody waiting: it gives up when somebody holds what it needs", async () => {
    const one = await tenant(fleetBlueprint(1), fleetBlueprint(2));
    const release = await hold(adminUrl, `lock table ${one.schema}.items in access share mode`);
    const lane = new UpgradeLane(pool);
    const began = performance.now();
    expect(await lane.upgrade(one)).toEqual({ kind: "busy", at: "0001_items" });
    // The pool's own patience is five seconds.
    expect(performance.now() - began).toBeLessThan(2_500);
    await release();
    expect(await lane.upgrade(one)).toMatchObject({ kind: "upgraded" });
    lane.close();
  });

  it("does once what two do at once", async () => {
    const one = await tenant(fleetBlueprint(1), fleetBlueprint(3));
    const outcomes = await Promise.all([upgradeTenant(pool, one), upgradeTenant(pool, one)]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(["already-there", "upgraded"]);
    expect(await admin(`select count(*)::int as n from ${one.schema}.applied`)).toEqual([{ n: 2 }]);
  });

  it("runs what can't be in a transaction as a step of its own, and builds anew what a crash left", async () => {
    const one = await tenant(
      fleetBlueprint(3),
      fleetBlueprint(3, [INDEX, migration("0005_z", "select 1/0")]),
    );
    // Dies while it waits for a transaction that is older than its index, and may write: the index is there, and not valid.
    const release = await hold(adminUrl, `lock table ${one.schema}.items in row exclusive mode`);
    const dying = upgradeTenant(pool, one).catch((error: unknown) => error);
    const pid = await untilBlocked(adminUrl, "test-upgrade");
    await admin(`select pg_terminate_backend(${pid})`);
    expect(await dying).toBeInstanceOf(Error);
    await release();
    const valid = `select indisvalid from pg_index where indexrelid = '${one.schema}.items_price'::regclass`;
    expect(await admin(valid)).toEqual([{ indisvalid: false }]);
    expect(await ledgerOf(one)).toEqual(["0001_items", "0002_applied", "0003_again"]);

    // What comes after fails: the index stays, and so does its line in the ledger.
    expect(await upgradeTenant(pool, one)).toMatchObject({ kind: "refused", at: "0004_index" });
    expect(await admin(valid)).toEqual([{ indisvalid: true }]);
    expect(await ledgerOf(one)).toEqual(["0001_items", "0002_applied", "0003_again", "0004_index"]);
  });
});
