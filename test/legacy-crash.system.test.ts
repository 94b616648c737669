import { join } from "node:path";
import { cancelOperation, listQuarantine, performOperation } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { acceptMove, itemsOf, orderMove } from "./support/legacy-moves.ts";
import { endSession, endSessionsOf, hold, untilBlocked } from "./support/locks.ts";
import { ended } from "./support/requests.ts";
import { shop } from "./support/shop-blueprint.ts";
import { SHOP_TABLES, writeShop } from "./support/shop-source.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

/** First key of the advisory lock that provisioning takes on a schema's name. */
const TENANT_SCHEMA_LOCK = 0x74_6e_00_02;
const CALLER = { actor: "cli:ops", apiKeyId: null, idempotency: null };

const DATA = `${SHOP_TABLES}
  INSERT INTO items VALUES (1, 'tea', 1, NULL), (2, 'no such parent', 1, 99), (3, 'cup', 2, 1);
  INSERT INTO sales VALUES (1, 1, 5), (2, 2, 5), (3, 3, 'much');
`;
/** What of it comes in, and what waits. */
const IMPORTED = 3;
const QUARANTINED = 3;

describe.each(queueStores())(
  "a worker that dies while licenses move in, queue on $name",
  async ({ redisUrl }) => {
    const database = await createTestDatabase();
    const installation = await openTestInstallation({
      databaseUrl: database.url,
      redisUrl,
      blueprints: [shop],
    });
    const { ctx } = installation;

    const source = (name: string): Promise<string> =>
      writeShop(join(installation.legacyDirectory, name), [{ name, file: "shop.db" }], { "shop.db": DATA });

    /** Has another worker end the run, and looks at all that it left. */
    async function expectWhole(runId: string, name: string): Promise<void> {
      const rescuer = await installation.work();
      const run = await ended(installation, runId);
      await rescuer.close();
      expect(run).toMatchObject({ state: "succeeded", children: 1, children_succeeded: 1 });
      await expectMoved(runId, name);
    }

    async function expectMoved(runId: string, name: string): Promise<void> {
      const items = await itemsOf(installation, runId);
      expect(items).toMatchObject([
        { name, state: "succeeded", outcome: "imported", rowsDone: IMPORTED, quarantined: QUARANTINED },
      ]);
      expect(items[0]?.tables.find(({ source: table }) => table === "items")).toMatchObject({
        read: 3,
        copied: 2,
      });
      const { items: waiting } = await listQuarantine(ctx, runId, {}, { limit: 200 });
      expect(waiting.map(({ table, rowId }) => `${table} ${rowId}`).sort()).toEqual([
        "items 2",
        "sales 2",
        "sales 3",
      ]);
      const schema = schemaOf(name);
      const counts = await query(
        `SELECT (SELECT count(*)::int FROM "${schema}".items) AS items, (SELECT count(*)::int FROM "${schema}".sales) AS sales`,
      );
      expect(counts).toEqual([{ items: 2, sales: 1 }]);
    }

    const schemaOf = (name: string): string => `shop_${name.toLowerCase().replaceAll("-", "_")}`;

    async function query(text: string): Promise<Record<string, unknown>[]> {
      return withAdmin(database.adminUrl, async (client) => (await client.query(text)).rows);
    }

    const lockSchema = (name: string): Promise<() => Promise<void>> =>
      hold(
        database.adminUrl,
        `SELECT pg_advisory_xact_lock(${TENANT_SCHEMA_LOCK}, hashtext('${schemaOf(name)}'))`,
      );
    const schemaIsThere = async (name: string): Promise<boolean> =>
      (await query(`SELECT to_regnamespace('${schemaOf(name)}') IS NOT NULL AS there`))[0]?.there === true;

    it("while it plans leaves no plan, and another makes it", async () => {
      const path = await source("PLAN-1");
      const release = await hold(database.adminUrl, "LOCK TABLE tenantry.legacy_items IN EXCLUSIVE MODE");
      const victim = await startWorkerProcess(database.url, redisUrl);
      const { id } = await orderMove(installation, { path });
      await untilBlocked(database.adminUrl, `tenantry-${victim.role}-control`);
      await victim.kill();
      expect(await itemsOf(installation, id)).toEqual([]);
      await release();
      await expectWhole(id, "PLAN-1");
    });

    it("between the plan and its children's jobs leaves them to the dispatcher", async () => {
      const { id } = await acceptMove(installation, { path: await source("BELL-1") });
      const outcome = await performOperation(ctx, {
        operationId: id,
        worker: "died right after",
        leaseMs: 60_000,
        maxAttempts: 1,
        sink: { progress: async () => undefined, log: async () => undefined },
      });
      expect(outcome.kind).toBe("handed-on");
      await expectWhole(id, "BELL-1");
    });

    it("before a license's transaction leaves nothing, and another moves it", async () => {
      const release = await lockSchema("BEFORE-1");
      const victim = await startWorkerProcess(database.url, redisUrl);
      const { id } = await orderMove(installation, { path: await source("BEFORE-1") });
      await untilBlocked(database.adminUrl, `tenantry-${victim.role}-provisioning`);
      await victim.kill();
      expect(await schemaIsThere("BEFORE-1")).toBe(false);
      await release();
      await expectWhole(id, "BEFORE-1");
    });

    it("inside a license's transaction leaves nothing, and another moves it", async () => {
      const release = await hold(database.adminUrl, "LOCK TABLE pg_trigger IN SHARE MODE");
      const victim = await startWorkerProcess(database.url, redisUrl);
      const { id } = await orderMove(installation, { path: await source("INSIDE-1") });
      await untilBlocked(database.adminUrl, `tenantry-${victim.role}-provisioning`);
      await victim.kill();
      expect(await schemaIsThere("INSIDE-1")).toBe(false);
      await release();
      await expectWhole(id, "INSIDE-1");
    });

    /** Has a worker killed after it has committed a tenant, before it could say so. */
    async function killAfterCommit(name: string): Promise<string> {
      const releaseSchema = await lockSchema(name);
      const victim = await startWorkerProcess(database.url, redisUrl);
      const { id } = await orderMove(installation, { path: await source(name) });
      await untilBlocked(database.adminUrl, `tenantry-${victim.role}-provisioning`);
      const release = await hold(
        database.adminUrl,
        `SELECT 1 FROM tenantry.tenants WHERE schema_name = '${schemaOf(name)}' FOR UPDATE`,
      );
      await releaseSchema();
      // Before its commit, too, the worker's connections may wait for each other for a moment.
      await expect.poll(() => schemaIsThere(name), { timeout: 60_000 }).toBe(true);
      await untilBlocked(database.adminUrl, `tenantry-${victim.role}-control`);
      await victim.kill();
      await endSessionsOf(database.adminUrl, victim.role);
      await release();
      return id;
    }

    const madeAt = (name: string): Promise<unknown> =>
      query(`SELECT created_at FROM "${schemaOf(name)}".tenantry_tenant`);

    it("after a license's commit, before it could say so, isn't repeated, and the report is there", async () => {
      const id = await killAfterCommit("AFTER-1");
      const before = await madeAt("AFTER-1");
      await expectWhole(id, "AFTER-1");
      expect(await madeAt("AFTER-1")).toEqual(before);
    });

    it("after a license's commit, and whose run is then canceled, loses nothing: a later run has it all", async () => {
      const id = await killAfterCommit("OVER-1");
      const before = await madeAt("OVER-1");
      await cancelOperation(ctx, id, CALLER);
      const rescuer = await installation.work();
      expect(await ended(installation, id)).toMatchObject({ state: "canceled" });
      const second = await orderMove(installation, { path: join(installation.legacyDirectory, "OVER-1") });
      await ended(installation, second.id);
      await rescuer.close();
      await expectMoved(second.id, "OVER-1");
      expect(await madeAt("OVER-1")).toEqual(before);
      expect((await listQuarantine(ctx, id, {}, { limit: 10 })).items).toEqual([]);
    });

    it("and wakes up again after another took over, writes nothing", async () => {
      const release = await lockSchema("SLEEP-1");
      const sleeper = await startWorkerProcess(database.url, redisUrl);
      const { id } = await orderMove(installation, { path: await source("SLEEP-1") });
      const backend = await untilBlocked(database.adminUrl, `tenantry-${sleeper.role}-provisioning`);
      sleeper.signal("SIGSTOP");
      await release();
      // Its transaction is open and holds the schema's lock; the server ends such a one after a while, here at once.
      await endSession(database.adminUrl, backend);
      await expectWhole(id, "SLEEP-1");
      const done = await ended(installation, id);
      sleeper.signal("SIGCONT");
      // It takes the next order, which shows that it is awake and has dealt with what it found.
      const next = await orderMove(installation, { path: await source("SLEEP-2") });
      expect((await ended(installation, next.id)).state).toBe("succeeded");
      expect(await ended(installation, id)).toEqual(done);
      await expectMoved(id, "SLEEP-1");
      await sleeper.kill();
    });
  },
);
