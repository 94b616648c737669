import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, it } from "vitest";
import { type Answer, startApi } from "./support/api.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { hold } from "./support/locks.ts";
import { startProxy } from "./support/proxy.ts";
import { ADMIN_PASSWORD, createLicenseBody } from "./support/requests.ts";
import { expectWholeTenant } from "./support/tenant-check.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";

const TENANT_SCHEMA_LOCK = 0x74_6e_00_02;

describe.each(queueStores())("a sales system, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url, redisUrl });
  const api = await startApi(installation);

  beforeAll(async () => {
    await installation.work();
  });

  const order = (
    headers: Record<string, string> = {},
    overrides: Record<string, unknown> = {},
  ): Promise<Answer> => api.call("POST", "/v1/licenses", { body: createLicenseBody(overrides), headers });

  it("orders, is told where to look, and finds the tenant ready and its admin able to sign in", async () => {
    const accepted = await order();
    expect(accepted.status).toBe(202);
    const { license, tenant, operation } = accepted.body;
    expect(accepted.headers.get("location")).toBe(`/v1/operations/${operation.id}`);
    expect(operation).toMatchObject({ kind: "create-tenant", state: "queued", licenseKey: license.key });
    expect(tenant).toMatchObject({ state: "provisioning", blueprint: "erp", placement: "default" });
    expect(license).toMatchObject({ status: "active", licenseType: "trial", maxUsers: 1, maxBranches: 1 });

    await installation.watch.untilFinished(operation.id, AbortSignal.timeout(30_000));
    const done = await api.call("GET", accepted.headers.get("location") ?? "");
    expect(done.body).toMatchObject({ state: "succeeded", progress: { percent: 100, step: "ready" } });
    const shown = await api.call("GET", `/v1/licenses/${license.key}`);
    expect(shown.body.tenant.state).toBe("ready");

    const signedIn = await api.call("POST", "/v1/sessions", {
      token: null,
      body: { licenseKey: license.key, username: "admin", password: ADMIN_PASSWORD },
    });
    expect(signedIn.status).toBe(201);
    expect(signedIn.headers.get("cache-control")).toContain("no-store");
    const session = await api.call("GET", "/v1/session", { token: signedIn.body.token });
    expect(session.body).toMatchObject({ user: { username: "admin" }, tenant: { schema: tenant.schema } });
    expect((await api.call("DELETE", "/v1/session", { token: signedIn.body.token })).status).toBe(204);
    expect((await api.call("GET", "/v1/session", { token: signedIn.body.token })).status).toBe(401);
  });

  it("may wait for the end in the same request", async () => {
    const answer = await order({ prefer: "wait=30" });
    expect(answer.status).toBe(201);
    expect(answer.body.operation.state).toBe("succeeded");
    expect(answer.body.tenant.state).toBe("ready");
    await expectWholeTenant(database.adminUrl, answer.body.tenant.schema);
  });

  it("gets one tenant and fifty equal answers for fifty identical requests at once", async () => {
    const headers = { "idempotency-key": "sale 4711" };
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => order(headers, { clientName: "Fifty" })),
    );
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers.get("idempotency-replayed") === "true")).toHaveLength(
      49,
    );
    const found = await api.call("GET", "/v1/licenses?q=Fifty");
    expect(found.body.items).toHaveLength(1);
    const { id } = answers[0]?.body.operation ?? {};
    expect((await installation.watch.untilFinished(id, AbortSignal.timeout(30_000))).state).toBe("succeeded");
    const again = await order(headers, { clientName: "Fifty" });
    expect(again.text).toBe(answers[0]?.text);
  });

  it("is refused when it uses a key for something else, and isn't when another system does", async () => {
    const headers = { "idempotency-key": "sale 4712" };
    expect((await order(headers)).status).toBe(202);
    const reused = await order(headers, { maxUsers: 2 });
    expect(reused.status).toBe(422);
    expect(reused.body.code).toBe("IDEMPOTENCY_KEY_REUSED");
    const { id } = (await order(headers)).body.operation;
    const otherRoute = await api.call("POST", `/v1/operations/${id}/retry`, { headers });
    expect(otherRoute.body.code).toBe("IDEMPOTENCY_KEY_REUSED");
    const otherPassword = await order(headers, { adminPassword: "another password" });
    expect(otherPassword.status).toBe(422);
    const other = await api.call("POST", "/v1/licenses", {
      token: await api.key("licenses:write"),
      body: createLicenseBody(),
      headers,
    });
    expect(other.status).toBe(202);
  });

  it("watches the steps go by, once each and in order, until the end", async () => {
    const accepted = await order();
    const { id } = accepted.body.operation;
    const events = await sse(`/v1/operations/${id}/events`);
    expect(events.at(-1)?.event).toBe("succeeded");
    expect(events.at(-1)?.data).toMatchObject({ id, state: "succeeded", progress: { percent: 100 } });
    expect(events.slice(0, -1).every(({ event }) => event === "progress")).toBe(true);
    const percents = events.map(({ data }) => data.progress.percent);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    const resumed = await sse(`/v1/operations/${id}/events`, { "last-event-id": events.at(-1)?.id ?? "" });
    expect(resumed.map(({ event }) => event)).toEqual(["succeeded"]);
  });

  it("pages through lists without losing or repeating anything", async () => {
    const all = await api.call("GET", "/v1/licenses?limit=200");
    const keys: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: Answer = await api.call(
        "GET",
        `/v1/licenses?limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`,
      );
      keys.push(...page.body.items.map((item: { key: string }) => item.key));
      cursor = page.body.nextCursor;
    }
    expect(keys).toEqual(all.body.items.map((item: { key: string }) => item.key));
    expect(all.body.nextCursor).toBeNull();
  });

  async function sse(path: string, headers: Record<string, string> = {}) {
    const token = await api.key("operations:read");
    const response = await fetch(api.url + path, {
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const events: {
      event: string;
      id: string;
      data: { progress: { percent: number } } & Record<string, unknown>;
    }[] = [];
    let current: Record<string, string> = {};
    for await (const line of createInterface({ input: Readable.fromWeb(response.body as never) })) {
      const field = /^(\w+): ?(.*)$/.exec(line);
      if (field !== null) current[field[1] ?? ""] = field[2] ?? "";
      if (line === "" && current.data !== undefined) {
        events.push({ event: current.event ?? "", id: current.id ?? "", data: JSON.parse(current.data) });
        current = {};
      }
    }
    return events;
  }
});

describe("an operation that waits", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url });
  const api = await startApi(installation);

  it("is canceled at once, once, and done after all when it is retried, once", async () => {
    const { operation, tenant, license } = (
      await api.call("POST", "/v1/licenses", { body: createLicenseBody() })
    ).body;
    const canceled = await api.call("POST", `/v1/operations/${operation.id}/cancel`);
    expect(canceled.body).toMatchObject({ state: "canceled", finishedAt: expect.any(String) });
    expect((await api.call("POST", `/v1/operations/${operation.id}/cancel`)).body.code).toBe(
      "STATE_CONFLICT",
    );
    expect((await api.call("GET", `/v1/licenses/${license.key}`)).body.tenant.state).toBe("failed");

    const headers = { "idempotency-key": "again" };
    const retries = await Promise.all(
      Array.from({ length: 10 }, () => api.call("POST", `/v1/operations/${operation.id}/retry`, { headers })),
    );
    expect(new Set(retries.map((retried) => `${retried.status} ${retried.text}`)).size).toBe(1);
    expect(retries.filter((retried) => retried.headers.get("idempotency-replayed") === "true")).toHaveLength(
      9,
    );
    expect((await api.call("POST", `/v1/operations/${operation.id}/retry`)).body.code).toBe("STATE_CONFLICT");

    await installation.work();
    const end = await installation.watch.untilFinished(operation.id, AbortSignal.timeout(30_000));
    expect(end.state).toBe("succeeded");
    await expectWholeTenant(database.adminUrl, tenant.schema);
    const events = await installation.ctx.control
      .selectFrom("operation_events")
      .select("type")
      .orderBy("id")
      .execute();
    expect(events.map((event) => event.type)).toEqual([
      "accepted",
      "canceled",
      "retried",
      "started",
      "succeeded",
    ]);
  });
});

describe("an operation that runs", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url });
  const api = await startApi(installation);

  it("is canceled at its next safe point, leaves nothing, and can be retried", async () => {
    const accepted = await api.call("POST", "/v1/licenses", { body: createLicenseBody() });
    const { tenant, operation } = accepted.body;
    const release = await hold(
      database.adminUrl,
      `SELECT pg_advisory_xact_lock(${TENANT_SCHEMA_LOCK}, hashtext('${tenant.schema}'))`,
    );
    await installation.work();
    for await (const row of installation.watch.follow(operation.id, AbortSignal.timeout(30_000))) {
      if (row.state === "running") break;
    }
    const canceled = await api.call("POST", `/v1/operations/${operation.id}/cancel`);
    expect(canceled.status).toBe(200);
    await release();
    const end = await installation.watch.untilFinished(operation.id, AbortSignal.timeout(30_000));
    expect(end.state).toBe("canceled");
    const shown = await api.call("GET", `/v1/licenses/${accepted.body.license.key}`);
    expect(shown.body.tenant.state).toBe("failed");
    const schemas = await withAdmin(database.adminUrl, (client) =>
      client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [tenant.schema]),
    );
    expect(schemas.rowCount).toBe(0);
    expect((await api.call("POST", `/v1/operations/${operation.id}/cancel`)).body.code).toBe(
      "STATE_CONFLICT",
    );
    expect((await api.call("POST", `/v1/operations/${operation.id}/retry`)).status).toBe(200);
    expect((await installation.watch.untilFinished(operation.id, AbortSignal.timeout(30_000))).state).toBe(
      "succeeded",
    );
    expect((await api.call("POST", `/v1/operations/${operation.id}/retry`)).body.code).toBe("STATE_CONFLICT");
    await expectWholeTenant(database.adminUrl, tenant.schema);
  });
});

describe("when PostgreSQL is away", async () => {
  const database = await createTestDatabase();
  const network = await startProxy(database.url);
  const installation = await openTestInstallation({ databaseUrl: network.url });
  const api = await startApi(installation);

  it("every request is refused with 503, nothing is accepted, and all is well when it is back", async () => {
    expect((await api.call("GET", "/readyz")).status).toBe(200);
    await network.cut();
    const answers = await Promise.all([
      api.call("POST", "/v1/licenses", { body: createLicenseBody() }),
      api.call("GET", "/v1/licenses"),
      api.call("GET", "/v1/operations"),
      api.call("POST", "/v1/sessions", {
        token: null,
        body: { licenseKey: "A", username: "b", password: "12345678" },
      }),
    ]);
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(answer.body.code).toBe("UNAVAILABLE");
      expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    }
    expect((await api.call("GET", "/livez")).status).toBe(200);
    expect((await api.call("GET", "/readyz")).status).toBe(503);
    await network.restore();
    const recovered = await api.call("POST", "/v1/licenses", { body: createLicenseBody() });
    expect(recovered.status).toBe(202);
    const list = await api.call("GET", "/v1/licenses");
    expect(list.body.items).toHaveLength(1);
    expect((await api.call("GET", "/readyz")).status).toBe(200);
  });
});
