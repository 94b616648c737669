import { setTimeout as wait } from "node:timers/promises";
import { cancelOperation, type LegacyItem, retryOperation } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { dedSource, plant } from "./support/legacy-files.ts";
import { endOf, migrated, orderMigration } from "./support/legacy-run.ts";
import { tenantSchemas } from "./support/tenant-check.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";

const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const ROWS = { customers: 50, security_logs: 300 };

describe.each(queueStores())("runs of a legacy migration, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url, redisUrl });
  const order = (path: string) => orderMigration(installation, { system: "ded", path });

  let sources = 0;
  /** A source whose licenses nobody else has. */
  function newSource(licenses: number) {
    sources += 1;
    return dedSource({
      licenses: Array.from({ length: licenses }, (_, index) => ({
        key: `RUNS-${String(sources).padStart(4, "0")}-0000-${String(index).padStart(4, "0")}`,
        ...(index % 3 === 2 ? {} : { file: { rows: ROWS } }),
      })),
    });
  }

  async function untilDone(runId: string, count: number): Promise<void> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
      const { rows } = await withAdmin(database.adminUrl, (client) =>
        client.query(
          "SELECT count(*)::int AS n FROM tenantry.operations WHERE parent_id = $1 AND state = 'succeeded'",
          [runId],
        ),
      );
      if (rows[0].n >= count) return;
      await wait(20);
    }
    throw new Error("the run didn't come so far");
  }

  async function expectOneTenantEach(keys: readonly string[]): Promise<void> {
    const tenants = await installation.ctx.control
      .selectFrom("tenants")
      .innerJoin("licenses", "licenses.id", "tenants.license_id")
      .select(["licenses.key", "tenants.schema_name", "tenants.state"])
      .where("licenses.key", "in", keys)
      .execute();
    expect(tenants.map(({ key }) => key).toSorted()).toEqual([...keys].toSorted());
    expect(new Set(tenants.map(({ state }) => state))).toEqual(new Set(["ready"]));
    const there = new Set(await tenantSchemas(database.adminUrl));
    for (const { schema_name } of tenants) expect(there).toContain(schema_name);
  }

  it("two at once over the same source make each tenant once", async () => {
    const source = newSource(9);
    const workers = [await installation.work(), await installation.work()];
    const ids = await Promise.all([order(source.folder), order(source.folder)]);
    const runs = await Promise.all(ids.map((id) => endOf(installation, id)));
    for (const worker of workers) await worker.close();
    expect(runs.map(({ state }) => state)).toEqual(["succeeded", "succeeded"]);
    for (const { key } of source.licenses) {
      const items = runs.map(({ items: all }) => all.find(({ licenseKey }) => licenseKey === key));
      expect(items.map((item) => item?.state)).toEqual(["succeeded", "succeeded"]);
      const made = items.filter((item) => item?.outcome !== "skipped");
      expect(made, key).toHaveLength(1);
    }
    await expectOneTenantEach(source.licenses.map(({ key }) => key));
  });

  it("the queue may be emptied in the middle", async () => {
    const source = newSource(9);
    const worker = await installation.work();
    const id = await order(source.folder);
    await untilDone(id, 2);
    for (const queue of installation.queues.all) await queue.obliterate({ force: true });
    const run = await endOf(installation, id);
    await worker.close();
    expect(run.items.map(({ state }) => state)).toEqual(run.items.map(() => "succeeded"));
    await expectOneTenantEach(source.licenses.map(({ key }) => key));
  });

  it("one that is canceled stops between licenses, and goes on when it is asked to", async () => {
    const source = newSource(12);
    const worker = await installation.work({ concurrency: 1 });
    const id = await order(source.folder);
    await untilDone(id, 2);
    await cancelOperation(installation.ctx, id, CALLER);
    const canceled = await endOf(installation, id);
    expect(canceled.state).toBe("canceled");
    const states = (items: readonly LegacyItem[]) => new Set(items.map(({ state }) => state));
    expect(states(canceled.items)).toEqual(new Set(["succeeded", "canceled"]));
    await retryOperation(installation.ctx, id, CALLER);
    const done = await endOf(installation, id);
    await worker.close();
    expect(states(done.items)).toEqual(new Set(["succeeded"]));
    await expectOneTenantEach(source.licenses.map(({ key }) => key));
  });

  it("a strict one leaves nothing of a license that has a row too many, and all of the others", async () => {
    const source = newSource(2);
    source.edit(source.licenses[0]?.file ?? "", (db) => plant(db, "security_logs", 5, { user_id: 4_711 }));
    const worker = await installation.work();
    const run = await migrated(installation, { system: "ded", path: source.folder, strict: true });
    await worker.close();
    const [odd, sound] = run.items;
    expect(odd).toMatchObject({ state: "failed", error: { code: "IMPORT_INCOMPLETE" } });
    expect(sound).toMatchObject({ state: "succeeded", outcome: "imported" });
    expect(run.quarantine).toMatchObject([{ table: "security_logs", rowId: "5", code: "orphan" }]);
    expect(await tenantSchemas(database.adminUrl)).not.toContain(
      `tenant_${source.licenses[0]?.key.toLowerCase().replaceAll("-", "_")}`,
    );
  });
});
