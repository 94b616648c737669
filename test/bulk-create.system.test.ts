import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { erp } from "@tenantry/schema/blueprints/erp";
import { describe, expect, it } from "vitest";
import { type Answer, startApi } from "./support/api.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { ADMIN_PASSWORD, createLicenseBody, ended } from "./support/requests.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";
import { tiny } from "./support/tiny-blueprint.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

describe.each(queueStores())("a bulk order, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [erp, tiny],
  });
  const api = await startApi(installation);

  const items = (length: number, name = "Client"): Record<string, unknown>[] =>
    Array.from({ length }, (_, index) => ({ clientName: `${name} ${index}`, blueprint: "tiny" }));
  const order = (licenses: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    api.call("POST", "/v1/licenses/bulk", { body: { licenses }, headers });
  const runNow = async (id: string) => (await api.call("GET", `/v1/operations/${id}`)).body;
  async function children(id: string, filter = ""): Promise<Answer["body"][]> {
    const all: Answer["body"][] = [];
    for (let cursor = ""; ; ) {
      const { body } = await api.call("GET", `/v1/operations?parentId=${id}&limit=200${filter}${cursor}`);
      all.push(...body.items);
      if (body.nextCursor === null) return all;
      cursor = `&cursor=${body.nextCursor}`;
    }
  }

  it("of a thousand with three bad ones makes 997, and tells of each what became of it", async () => {
    const licenses: unknown[] = items(1_000);
    licenses[17] = { clientName: "", blueprint: "tiny", maxUsers: 0 };
    licenses[500] = "nonsense";
    licenses[999] = { clientName: "No such", blueprint: "nope" };
    const accepted = await order(licenses);
    expect(accepted.status).toBe(202);
    const { operation } = accepted.body;
    expect(accepted.headers.get("location")).toBe(`/v1/operations/${operation.id}`);
    expect(operation).toMatchObject({
      kind: "create-licenses",
      state: "running",
      children: { total: 1_000, queued: 997, running: 0, succeeded: 0, failed: 3, canceled: 0 },
    });
    const worker = await installation.work();
    const row = await ended(installation, operation.id, 85_000);
    await worker.close();
    expect(row.state).toBe("succeeded");
    const run = await runNow(operation.id);
    expect(run).toMatchObject({
      state: "succeeded",
      progress: { percent: 100, done: 1_000, total: 1_000, message: "997 succeeded, 3 failed" },
      children: { total: 1_000, queued: 0, running: 0, succeeded: 997, failed: 3, canceled: 0 },
      result: { succeeded: 997, failed: 3, canceled: 0 },
    });
    const failed = await children(operation.id, "&state=failed");
    expect(failed.map(({ item }) => item)).toEqual([999, 500, 17]);
    expect(failed.every((child) => child.licenseKey === undefined)).toBe(true);
    expect(failed[2].error).toMatchObject({ code: "VALIDATION_FAILED", status: 400 });
    const pointers = failed[2].error.errors.map((fault: { pointer: string }) => fault.pointer);
    expect(new Set(pointers)).toEqual(new Set(["/licenses/17/clientName", "/licenses/17/maxUsers"]));
    const done = await children(operation.id, "&state=succeeded");
    expect(done).toHaveLength(997);
    // Newest first: in the order of the request, backwards; so are the schemas' numbers.
    expect(done.map(({ item }) => item)).toEqual(
      Array.from({ length: 1_000 }, (_, index) => 999 - index).filter(
        (item) => ![17, 500, 999].includes(item),
      ),
    );
    expect(done.map(({ result }) => result.schema)).toEqual(
      Array.from({ length: 997 }, (_, index) => `client_${String(997 - index).padStart(3, "0")}`),
    );
    const { body } = await api.call("GET", `/v1/licenses/${done[0].licenseKey}`);
    expect(body).toMatchObject({ license: { clientName: "Client 998" }, tenant: { state: "ready" } });
  });

  it("is watched as one: its progress goes by, and the stream ends with it", async () => {
    const { id } = (await order(items(30))).body.operation;
    const stream = api.call("GET", `/v1/operations/${id}/events`);
    const worker = await installation.work();
    const events = (await stream).text.split("\n\n").filter((event) => event.includes("data: "));
    await worker.close();
    const shown = events.map((event) => JSON.parse(event.slice(event.indexOf("data: ") + 6)));
    expect(shown.length).toBeGreaterThan(3);
    const done = shown.map(({ progress }) => progress.done);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    for (const { children: counts } of shown) {
      const { total, ...states } = counts;
      expect(Object.values<number>(states).reduce((sum, count) => sum + count)).toBe(total);
    }
    expect(shown.at(-1)).toMatchObject({
      state: "succeeded",
      children: { succeeded: 30, queued: 0, running: 0 },
    });
  });

  it("is one run, with equal answers, for twenty identical requests at once", async () => {
    const headers = { "idempotency-key": "bulk 1" };
    const answers = await Promise.all(Array.from({ length: 20 }, () => order(items(5, "Twenty"), headers)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get("idempotency-replayed") === "true")).toHaveLength(19);
    expect((await api.call("GET", "/v1/licenses?q=Twenty")).body.items).toHaveLength(5);
    expect((await order(items(4, "Twenty"), headers)).body.code).toBe("IDEMPOTENCY_KEY_REUSED");
  });

  it("may be waited for, gives its admins their passwords, and stores none", async () => {
    const worker = await installation.work();
    const answer = await order([createLicenseBody(), createLicenseBody({ adminPassword: "short" })], {
      prefer: "wait=60",
    });
    expect(answer.status).toBe(200);
    expect(answer.body.operation).toMatchObject({
      state: "succeeded",
      children: { succeeded: 1, failed: 1 },
    });
    const [, child] = await children(answer.body.operation.id);
    const signedIn = await api.call("POST", "/v1/sessions", {
      token: null,
      body: { licenseKey: child.licenseKey, username: "admin", password: ADMIN_PASSWORD },
    });
    expect(signedIn.status).toBe(201);
    await worker.close();
    const rows = await installation.ctx.control.selectFrom("operations").selectAll().execute();
    expect(JSON.stringify(rows)).not.toMatch(/correct horse|"short"/);
  });

  it("ends with the right counts when a worker is killed in the middle and the queue is emptied", async () => {
    const victim = await startWorkerProcess(database.url, redisUrl);
    const { id } = (await order([...items(300), { blueprint: "tiny" }])).body.operation;
    await until(id, (run) => run.children.succeeded >= 30);
    await victim.kill();
    for (const queue of installation.queues.all) await queue.obliterate({ force: true });
    const killed = await runNow(id);
    expect(killed.state).toBe("running");
    const worker = await installation.work();
    await ended(installation, id, 60_000);
    await worker.close();
    expect((await runNow(id)).children).toEqual({
      total: 301,
      queued: 0,
      running: 0,
      succeeded: 300,
      failed: 1,
      canceled: 0,
    });
    const { rows } = await withAdmin(database.adminUrl, (client) =>
      client.query(`
        SELECT count(*)::int AS tenants, count(DISTINCT t.schema_name)::int AS names, count(n.oid)::int AS schemas
        FROM tenantry.operations o JOIN tenantry.tenants t USING (license_id)
        LEFT JOIN pg_namespace n ON n.nspname = t.schema_name
        WHERE o.parent_id = '${id}' AND t.state = 'ready'`),
    );
    expect(rows).toEqual([{ tenants: 300, names: 300, schemas: 300 }]);
  });

  it("can be canceled in the middle, and what is left be done after all", async () => {
    const worker = await installation.work();
    const { id } = (await order(items(200))).body.operation;
    await until(id, (run) => run.children.succeeded >= 10);
    expect((await api.call("POST", `/v1/operations/${id}/cancel`)).status).toBe(200);
    expect((await ended(installation, id)).state).toBe("canceled");
    const { children: counts } = await runNow(id);
    expect(counts.succeeded + counts.canceled).toBe(200);
    expect(counts.canceled).toBeGreaterThan(0);
    const headers = { "idempotency-key": "after all", prefer: "wait=60" };
    const retried = await api.call("POST", `/v1/operations/${id}/retry`, { headers });
    await worker.close();
    expect(retried.body).toMatchObject({ state: "succeeded", children: { succeeded: 200 } });
    const again = await api.call("POST", `/v1/operations/${id}/retry`, { headers });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
  });

  it("lets one that was ordered by itself go first", async () => {
    const { id } = (await order(items(100))).body.operation;
    const single = await api.call("POST", "/v1/licenses", { body: items(1)[0] });
    const worker = await installation.work({ concurrency: 1 });
    await ended(installation, single.body.operation.id);
    expect((await runNow(id)).children.queued).toBeGreaterThan(80);
    await ended(installation, id);
    await worker.close();
  });

  it.each([
    ["no list", {}, "/licenses"],
    ["an empty list", { licenses: [] }, "/licenses"],
    ["a list of 1,001", { licenses: items(1_001) }, "/licenses"],
    ["something that is no list", { licenses: { 0: {} } }, "/licenses"],
    ["a field beside it", { licenses: items(1), dryRun: true }, "/dryRun"],
  ])("is refused whole with %s", async (_, body, pointer) => {
    const answer = await api.call("POST", "/v1/licenses/bulk", { body });
    expect(answer.status).toBe(400);
    expect(answer.body.errors.map((fault: { pointer: string }) => fault.pointer)).toContain(pointer);
  });

  it("may hold long notes, up to its own limit, which a refusal names", async () => {
    const notes = "ملاحظة ".repeat(1_400);
    const licenses = items(1_000).map((item) => ({ ...item, clientName: "", notes }));
    expect((await order(licenses)).body.operation).toMatchObject({
      state: "succeeded",
      children: { failed: 1_000 },
    });
    const tooLarge = await api.call("POST", "/v1/licenses/bulk", { rawBody: Buffer.alloc(33_554_433, " ") });
    expect(tooLarge.status).toBe(400);
    expect(tooLarge.body.errors).toEqual([{ pointer: "", detail: "must have at most 33554432 bytes" }]);
  });

  it("is taken whole or not at all from a client that goes away, which may ask again", async () => {
    const token = await api.key("licenses:write");
    const headers = { "idempotency-key": "gone away" };
    const body = {
      licenses: Array.from({ length: 40 }, () => createLicenseBody({ clientName: "Gone away" })),
    };
    const sent = request(`${api.url}/v1/licenses/bulk`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", authorization: `Bearer ${token}` },
    });
    sent.end(JSON.stringify(body));
    // All of it is on its way then. Whether the server begins with it or not, one order comes of both requests.
    await once(sent, "finish");
    sent.on("error", () => undefined).destroy();
    const again = await api.call("POST", "/v1/licenses/bulk", { token, body, headers });
    expect(again.status).toBe(202);
    const asked = await api.call("POST", "/v1/licenses/bulk", { token, body, headers });
    expect(asked.headers.get("idempotency-replayed")).toBe("true");
    expect(asked.body.operation.id).toBe(again.body.operation.id);
    expect((await api.call("GET", "/v1/licenses?q=Gone+away&limit=200")).body.items).toHaveLength(40);
  });

  /** Polls: what is waited for is on its way, and lasts. */
  async function until(id: string, isSo: (run: Answer["body"]) => boolean): Promise<void> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
      if (isSo(await runNow(id))) return;
      await wait(20);
    }
    throw new Error("the run didn't come so far");
  }
});
