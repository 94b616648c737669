import { performOperation } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { type Answer, startApi } from "./support/api.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { endSessionsOf, hold, untilBlocked } from "./support/locks.ts";
import { acceptLicense, ended } from "./support/requests.ts";
import { openTestInstallation, queueStores, TEST_LEASE_MS } from "./support/tenantry.ts";
import { tiny } from "./support/tiny-blueprint.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

describe.each(queueStores())("changing many licenses, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [tiny],
  });
  const api = await startApi(installation);

  async function sold(count: number, clientName: string): Promise<string[]> {
    const keys: string[] = [];
    for (let index = 0; index < count; index++) {
      const overrides = { clientName, blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };
      keys.push((await acceptLicense(installation, overrides)).license.key);
    }
    return keys;
  }
  const ask = (verb: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    api.call("POST", `/v1/licenses/bulk/${verb}`, { body, headers });
  const license = async (key: string) => (await api.call("GET", `/v1/licenses/${key}`)).body.license;
  const children = async (id: string): Promise<Answer["body"][]> =>
    (await api.call("GET", `/v1/operations?parentId=${id}&limit=200`)).body.items.reverse();
  const events = async (key: string) =>
    withAdmin(database.adminUrl, async (client) => {
      const found = await client.query(
        "SELECT e.type, e.actor, e.reason FROM tenantry.license_events e JOIN tenantry.licenses l ON l.id = e.license_id WHERE l.key = $1 ORDER BY e.id",
        [key],
      );
      return found.rows;
    });

  it("by a list suspends each, and tells of each that couldn't be", async () => {
    const [one = "", two = "", already = ""] = await sold(3, "Listed");
    const worker = await installation.work();
    await ask("suspend", { licenseKeys: [already], reason: "before" }, { prefer: "wait=30" });
    const answer = await ask(
      "suspend",
      { licenseKeys: [one.toLowerCase(), "0000-0000-0000-0000", already, two], reason: "unpaid" },
      { prefer: "wait=30" },
    );
    await worker.close();
    expect(answer.status).toBe(200);
    const { operation } = answer.body;
    expect(operation).toMatchObject({
      kind: "change-licenses",
      state: "succeeded",
      children: { total: 4, succeeded: 2, failed: 2 },
      result: { succeeded: 2, failed: 2, canceled: 0 },
    });
    const told = await children(operation.id);
    expect(told.map(({ item, licenseKey, state }) => [item, licenseKey, state])).toEqual([
      [0, one, "succeeded"],
      [1, "0000-0000-0000-0000", "failed"],
      [2, already, "failed"],
      [3, two, "succeeded"],
    ]);
    expect(told[1].error).toMatchObject({ code: "LICENSE_NOT_FOUND", status: 404 });
    expect(told[2].error).toMatchObject({ code: "STATE_CONFLICT", status: 409 });
    expect(told[0].result).toMatchObject({ licenseKey: one, status: "suspended" });
    expect(await license(two)).toMatchObject({ status: "suspended", suspensionReason: "unpaid" });
    expect(await license(already)).toMatchObject({ suspensionReason: "before" });
    const [, suspended] = await events(one);
    expect(suspended).toMatchObject({
      type: "suspended",
      actor: expect.stringMatching(/^api-key:/),
      reason: "unpaid",
    });
  });

  it("by a filter changes those that fit at that moment; one that fits none is done at once", async () => {
    const keys = await sold(5, "Filtered");
    const others = await sold(2, "Unfiltered by q".replace("filtered", "touched"));
    const worker = await installation.work();
    const prefer = { prefer: "wait=30" };
    const filter = { q: "Filtered", status: "active" };
    const suspended = await ask("suspend", { filter, reason: "audit" }, prefer);
    expect(suspended.body.operation.children).toMatchObject({ total: 5, succeeded: 5 });
    const none = await ask("suspend", { filter, reason: "audit" });
    expect(none.status).toBe(202);
    expect(none.body.operation).toMatchObject({ state: "succeeded", children: { total: 0 } });
    const resumed = await ask("resume", { filter: { q: "filtered", status: "suspended" } }, prefer);
    expect(resumed.body.operation.children).toMatchObject({ total: 5, succeeded: 5 });
    await worker.close();
    for (const key of [...keys, ...others]) expect((await license(key)).status).toBe("active");
  });

  it("extends each once, for twenty equal requests and however often a worker performs it", async () => {
    const keys = await sold(3, "Extended");
    const before = await Promise.all(keys.map(license));
    const headers = { "idempotency-key": "extend 1" };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask("extend", { licenseKeys: keys, days: 10 }, headers)),
    );
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    const { id } = answers[0]?.body.operation ?? {};
    const told = await children(id);
    const perform = (operationId: string, worker: string) =>
      performOperation(installation.ctx, {
        operationId,
        worker,
        leaseMs: TEST_LEASE_MS,
        maxAttempts: 5,
        sink: { progress: async () => undefined, log: async () => undefined },
      });
    await Promise.all(told.flatMap((child) => ["a", "b", "c"].map((name) => perform(child.id, name))));
    expect((await ended(installation, id)).result).toEqual({ succeeded: 3, failed: 0, canceled: 0 });
    for (const { key, expiresAt } of before) {
      const days = (Date.parse((await license(key)).expiresAt) - Date.parse(expiresAt)) / 86_400_000;
      expect(days).toBe(10);
      expect((await events(key)).filter(({ type }) => type === "extended")).toHaveLength(1);
    }
  });

  it("does nothing twice when a worker dies in the middle of a change", async () => {
    const [key = ""] = await sold(1, "Crash");
    const before = await license(key);
    // The worker has changed the license and written its history, and comes to wait at the end of its operation.
    const { id } = (await ask("extend", { licenseKeys: [key], days: 7 })).body.operation;
    const release = await hold(
      database.adminUrl,
      `SELECT 1 FROM tenantry.operations WHERE id = '${id}' FOR UPDATE`,
    );
    const victim = await startWorkerProcess(database.url, redisUrl);
    await untilBlocked(database.adminUrl, `tenantry-${victim.role}-control`);
    await victim.kill();
    await endSessionsOf(database.adminUrl, victim.role);
    await release();
    expect((await license(key)).expiresAt).toBe(before.expiresAt);
    const worker = await installation.work();
    expect((await ended(installation, id)).result).toEqual({ succeeded: 1, failed: 0, canceled: 0 });
    await worker.close();
    const days = (Date.parse((await license(key)).expiresAt) - Date.parse(before.expiresAt)) / 86_400_000;
    expect(days).toBe(7);
    expect((await events(key)).filter(({ type }) => type === "extended")).toHaveLength(1);
  });

  it.each([
    ["neither list nor filter", { reason: "x" }, ""],
    ["both", { licenseKeys: ["A"], filter: { q: "x" }, reason: "x" }, "/filter"],
    ["an empty list", { licenseKeys: [], reason: "x" }, "/licenseKeys"],
    ["an empty filter", { filter: {}, reason: "x" }, "/filter"],
    ["an unknown filter", { filter: { client: "x" }, reason: "x" }, "/filter/client"],
    ["a key twice", { licenseKeys: ["AAAA", "B", "aaaa "], reason: "x" }, "/licenseKeys/2"],
    ["a blank key", { licenseKeys: [" "], reason: "x" }, "/licenseKeys/0"],
    ["a key with a null character", { licenseKeys: ["A\u0000"], reason: "x" }, "/licenseKeys/0"],
    ["a list of numbers", { licenseKeys: [1], reason: "x" }, "/licenseKeys/0"],
    [
      "too many keys",
      { licenseKeys: Array.from({ length: 10_001 }, (_, i) => `K${i}`), reason: "x" },
      "/licenseKeys",
    ],
    ["no reason", { licenseKeys: ["A"] }, "/reason"],
    ["a blank reason", { licenseKeys: ["A"], reason: " " }, "/reason"],
    ["days for a suspension", { licenseKeys: ["A"], reason: "x", days: 3 }, "/days"],
    ["no object", [], ""],
  ])("is refused with %s", async (_, body, pointer) => {
    const before = await api.call("GET", "/v1/operations?kind=change-licenses&limit=1");
    const answer = await ask("suspend", body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors.map((fault: { pointer: string }) => fault.pointer)).toContain(pointer);
    const after = await api.call("GET", "/v1/operations?kind=change-licenses&limit=1");
    expect(after.text).toBe(before.text);
  });

  it("takes ten thousand keys, and a filter for no more than that", async () => {
    await withAdmin(database.adminUrl, (client) =>
      client.query(`
        INSERT INTO tenantry.licenses (id, key, client_name, license_type, max_users, max_branches, blueprint, created_at)
        SELECT gen_random_uuid(), 'MANY-' || n, 'Ten thousand', 'lifetime', 1, 1, 'tiny', now()
        FROM generate_series(1, 10001) n`),
    );
    const tooMany = await ask("suspend", { filter: { q: "Ten thousand" }, reason: "x" });
    expect(tooMany.status).toBe(400);
    expect(tooMany.body.errors[0].pointer).toBe("/filter");
    const licenseKeys = Array.from({ length: 10_000 }, (_, index) => `MANY-${index + 1}`);
    const accepted = await ask("suspend", { licenseKeys, reason: "x" });
    expect(accepted.status).toBe(202);
    const { id, children: counts } = accepted.body.operation;
    expect(counts).toMatchObject({ total: 10_000, queued: 10_000 });
    const canceled = await api.call("POST", `/v1/operations/${id}/cancel`);
    expect(canceled.body).toMatchObject({ state: "canceled", children: { canceled: 10_000 } });
  });
});
