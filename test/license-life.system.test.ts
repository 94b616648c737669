import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { type Answer, startApi } from "./support/api.ts";
import { createTestDatabase } from "./support/database.ts";
import { run, users } from "./support/limits.ts";
import { ADMIN_PASSWORD, createLicenseBody } from "./support/requests.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const DAY_MS = 86_400_000;
const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const api = await startApi(installation);

beforeAll(async () => {
  await installation.work();
});

async function sell(overrides: Record<string, unknown> = {}): Promise<string> {
  const answer = await api.call("POST", "/v1/licenses", {
    body: createLicenseBody(overrides),
    headers: { prefer: "wait=60" },
  });
  expect(answer.status).toBe(201);
  return answer.body.license.key;
}

/** A license without waiting for its tenant. */
async function order(overrides: Record<string, unknown> = {}): Promise<string> {
  return (await api.call("POST", "/v1/licenses", { body: createLicenseBody(overrides) })).body.license.key;
}

const post = (
  key: string,
  verb: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> => api.call("POST", `/v1/licenses/${key}/${verb}`, { body, headers });

const patch = (key: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  api.call("PATCH", `/v1/licenses/${key}`, { body, headers });

const signIn = (licenseKey: string): Promise<Answer> =>
  api.call("POST", "/v1/sessions", {
    token: null,
    body: { licenseKey, username: "admin", password: ADMIN_PASSWORD },
  });

const session = (token: string): Promise<Answer> => api.call("GET", "/v1/session", { token });

async function events(key: string) {
  return (await api.call("GET", `/v1/licenses/${key}/events`)).body.items;
}

async function recorded(table: "license_events" | "license_checks"): Promise<number> {
  return (await installation.ctx.control.selectFrom(table).select("id").execute()).length;
}

describe("the provider", () => {
  it("suspends a license: its users are out at once, and in again when it is resumed", async () => {
    const key = await sell();
    const { token } = (await signIn(key)).body;
    expect((await session(token)).status).toBe(200);

    const suspended = await post(key, "suspend", { reason: "Invoice 4711 is overdue" });
    expect(suspended.status).toBe(200);
    expect(suspended.body).toMatchObject({
      key,
      status: "suspended",
      suspensionReason: "Invoice 4711 is overdue",
    });
    for (const refused of [await session(token), await signIn(key)]) {
      expect(refused.status).toBe(403);
      expect(refused.body.code).toBe("LICENSE_SUSPENDED");
      expect(refused.body.hint).toContain("tenantry license resume");
      expect(refused.text).not.toContain("4711");
    }
    const again = await post(key, "suspend", { reason: "Invoice 4711 is overdue" });
    expect([again.status, again.body.code]).toEqual([409, "STATE_CONFLICT"]);

    const resumed = await post(key, "resume");
    expect(resumed.body).toMatchObject({ status: "active" });
    expect(resumed.body).not.toHaveProperty("suspensionReason");
    expect((await session(token)).status).toBe(200);
    expect((await signIn(key)).status).toBe(201);
    expect((await post(key, "resume", {})).body.code).toBe("STATE_CONFLICT");
  });

  it("switches a license off and on", async () => {
    const key = await sell();
    const { token } = (await signIn(key)).body;
    expect((await post(key, "deactivate", { reason: "moved to another plan" })).body.status).toBe("inactive");
    expect((await session(token)).body.code).toBe("LICENSE_INACTIVE");
    expect((await post(key, "deactivate")).status).toBe(409);
    expect((await post(key, "activate")).body.status).toBe("active");
    expect((await session(token)).status).toBe(200);
    expect((await post(key, "activate")).status).toBe(409);
  });

  it("lets a license run out, with no job that would have to run, and extends it", async () => {
    const key = await sell();
    const { token } = (await signIn(key)).body;
    const end = new Date(Date.now() + 1_000);
    expect((await patch(key, { expiresAt: end.toISOString() })).body.expiresAt).toBe(end.toISOString());
    await expect
      .poll(async () => (await session(token)).body.code, { timeout: 5_000 })
      .toBe("LICENSE_EXPIRED");
    expect(Date.now()).toBeGreaterThanOrEqual(end.getTime());
    expect((await signIn(key)).body.code).toBe("LICENSE_EXPIRED");
    expect((await api.call("GET", `/v1/licenses/${key}/check`)).body).toMatchObject({
      valid: false,
      status: "expired",
      daysRemaining: 0,
    });
    expect((await api.call("GET", "/v1/licenses?status=expired")).body.items).toMatchObject([{ key }]);

    const before = Date.now();
    const extended = await post(key, "extend", { days: 30 });
    expect(extended.body.status).toBe("active");
    const added = Date.parse(extended.body.expiresAt) - before;
    expect(Math.abs(added - 30 * DAY_MS)).toBeLessThan(10_000);
    expect((await session(token)).status).toBe(200);
  });

  it("raises what may be used at once, and isn't let below what is used", async () => {
    const key = await sell({ maxUsers: 1 });
    const tenant = await installation.ctx.control
      .selectFrom("tenants")
      .innerJoin("licenses", "licenses.id", "tenants.license_id")
      .selectAll("tenants")
      .select("licenses.key")
      .where("licenses.key", "=", key)
      .executeTakeFirstOrThrow();
    const add = (name: string) => run(installation.ctx, tenant, users(name));
    await expect(add("second")).rejects.toMatchObject({ code: "USER_LIMIT_REACHED" });
    expect((await patch(key, { maxUsers: 3 })).body.maxUsers).toBe(3);
    await add("second");
    const lowered = await patch(key, { maxUsers: 1, clientName: "Less" });
    expect(lowered.body).toMatchObject({
      status: 409,
      code: "STATE_CONFLICT",
      detail: "2 users are active; the limit can't be lowered to 1.",
    });
    expect((await api.call("GET", `/v1/licenses/${key}`)).body.license).toMatchObject({
      maxUsers: 3,
      clientName: "Al Noor Trading",
    });
    await add("third");
  });

  it("reads in the history who did what, from what to what, and why", async () => {
    const key = await order({ licenseType: "yearly", maxUsers: 1 });
    await patch(key, { maxUsers: 25, email: null, reason: "order 10077" });
    await post(key, "extend", { days: 7 });
    const [extended, changed, created, ...more] = await events(key);
    expect(created).toMatchObject({ type: "created", to: { licenseType: "yearly", maxUsers: 1 } });
    expect(changed).toEqual({
      id: expect.any(String),
      at: expect.stringMatching(/Z$/),
      type: "changed",
      actor: expect.stringMatching(/^api-key:test /),
      from: { maxUsers: 1, email: "owner@alnoor.example" },
      to: { maxUsers: 25, email: null },
      reason: "order 10077",
    });
    expect(Date.parse(extended.to.expiresAt) - Date.parse(extended.from.expiresAt)).toBe(7 * DAY_MS);
    expect(more).toEqual([]);
    const first = await api.call("GET", `/v1/licenses/${key}/events?limit=2`);
    const rest = await api.call("GET", `/v1/licenses/${key}/events?limit=2&cursor=${first.body.nextCursor}`);
    expect([...first.body.items, ...rest.body.items]).toEqual([extended, changed, created]);
    expect(rest.body.nextCursor).toBeNull();
  });

  it("checks a license as the customer's application would", async () => {
    const key = await sell({ maxUsers: 3, durationDays: 20 });
    const answer = await api.call("GET", `/v1/licenses/${key.toLowerCase()}/check`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      valid: true,
      status: "active",
      reason: null,
      daysRemaining: 20,
      users: { used: 1, max: 3 },
    });
    const record = await installation.ctx.control
      .selectFrom("license_checks")
      .innerJoin("licenses", "licenses.id", "license_checks.license_id")
      .select(["valid", "ip", "api_key_id"])
      .where("key", "=", key)
      .execute();
    expect(record).toEqual([
      { valid: true, ip: expect.stringContaining("127.0.0.1"), api_key_id: expect.any(String) },
    ]);
    const head = await fetch(`${api.url}/v1/licenses/${key}/check`, { method: "HEAD" });
    expect(head.status).toBe(404);
  });
});

describe("the same change, sent again", () => {
  it("extends once, with one answer for twenty at once", async () => {
    const key = await order({ durationDays: 10 });
    const headers = { "idempotency-key": "extension 1" };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(key, "extend", { days: 7 }, headers)),
    );
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers.filter((each) => each.headers.get("idempotency-replayed") === "true")).toHaveLength(19);
    expect((await events(key)).map(({ type }: { type: string }) => type)).toEqual(["extended", "created"]);
    // Written otherwise, the key is the same license.
    const small = await post(key.toLowerCase(), "extend", { days: 7 }, headers);
    expect(small.text).toBe(answers[0]?.text);
    for (const other of [
      await post(key, "extend", { days: 8 }, headers),
      await post(key, "suspend", { reason: "x" }, headers),
      await patch(key, { notes: "x" }, headers),
      await api.call("POST", "/v1/licenses", { body: createLicenseBody(), headers }),
    ]) {
      expect([other.status, other.body.code]).toEqual([422, "IDEMPOTENCY_KEY_REUSED"]);
    }
  });

  it("gets its first answer also when it wouldn't be good any more", async () => {
    const key = await order();
    const body = { expiresAt: new Date(Date.now() + 300).toISOString() };
    const headers = { "idempotency-key": "ends soon" };
    const first = await patch(key, body, headers);
    expect(first.status).toBe(200);
    await expect.poll(async () => (await patch(key, body)).status).toBe(400);
    const again = await patch(key, body, headers);
    expect([again.status, again.text]).toEqual([200, first.text]);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
  });
});

describe("a change with a fault", () => {
  const changes: [string, Record<string, unknown>, string[]][] = [
    ["nothing", {}, [""]],
    ["only a reason", { reason: "why" }, [""]],
    [
      "unknown fields",
      { licenseType: "lifetime", status: "active", "a/b": 1 },
      ["/licenseType", "/status", "/a~1b"],
    ],
    [
      "nulls where there must be something",
      { clientName: null, maxUsers: null, maxBranches: null },
      ["/clientName", "/maxUsers", "/maxBranches"],
    ],
    ["a blank name", { clientName: "  " }, ["/clientName"]],
    ["control characters", { company: "a\u0007b", notes: "a\u0000b" }, ["/company", "/notes"]],
    ["half a surrogate pair", { phone: "\ud800" }, ["/phone"]],
    ["texts that are too long", { phone: "1".repeat(41), notes: "x".repeat(10_001) }, ["/phone", "/notes"]],
    ["an e-mail address that is none", { email: "nobody" }, ["/email"]],
    ["numbers that are none", { maxUsers: "5", maxBranches: 1.5 }, ["/maxUsers", "/maxBranches"]],
    ["limits out of bounds", { maxUsers: 0, maxBranches: 1e9 }, ["/maxUsers", "/maxBranches"]],
    ["an end in the past", { expiresAt: "2020-01-01T00:00:00Z" }, ["/expiresAt"]],
    ["an end without a zone", { expiresAt: "2099-01-01T00:00:00" }, ["/expiresAt"]],
    ["an end in the year 275761", { expiresAt: "+275761-01-01T00:00:00Z" }, ["/expiresAt"]],
    ["an end in the year 9999", { expiresAt: "9999-01-01T00:00:00Z" }, ["/expiresAt"]],
    ["an end that is a number", { expiresAt: 1_900_000_000 }, ["/expiresAt"]],
  ];
  it.each(changes)("is refused with every fault listed: %s", async (_, body, pointers) => {
    await expectFaults((key) => patch(key, body), pointers);
  });

  const extensions: [string, unknown, string[]][] = [
    ["no days", {}, ["/days"]],
    ["0 days", { days: 0 }, ["/days"]],
    ["-1 days", { days: -1 }, ["/days"]],
    ["1.5 days", { days: 1.5 }, ["/days"]],
    ['"7" days', { days: "7" }, ["/days"]],
    ["null days", { days: null }, ["/days"]],
    ["36501 days", { days: 36_501 }, ["/days"]],
    ["1e300 days", { days: 1e300 }, ["/days"]],
    ["more than days", { days: 7, weeks: 1 }, ["/weeks"]],
    ["an array", [7], [""]],
    ["a blank reason", { days: 7, reason: " " }, ["/reason"]],
  ];
  it.each(extensions)("is refused: extending by %s", async (_, body, pointers) => {
    await expectFaults((key) => post(key, "extend", body), pointers);
  });

  const suspensions: [string, unknown, string[]][] = [
    ["no body", undefined, ["/reason"]],
    ["no reason", {}, ["/reason"]],
    ["an empty reason", { reason: "" }, ["/reason"]],
    ["a number", { reason: 7 }, ["/reason"]],
    ["10,001 characters", { reason: "x".repeat(10_001) }, ["/reason"]],
    ["control characters", { reason: "a\u001b[2Jb" }, ["/reason"]],
    ["more than a reason", { reason: "x", until: "tomorrow" }, ["/until"]],
  ];
  it.each(suspensions)("is refused: suspending with %s", async (_, body, pointers) => {
    await expectFaults((key) => post(key, "suspend", body), pointers);
  });

  it("is refused with the faults of headers and body together", async () => {
    const headers = { "idempotency-key": "k".repeat(256) };
    await expectFaults((key) => post(key, "resume", { x: 1 }, headers), ["/headers/idempotency-key", "/x"]);
  });

  async function expectFaults(send: (key: string) => Promise<Answer>, pointers: string[]): Promise<void> {
    const key = await order();
    const before = await recorded("license_events");
    const answer = await send(key);
    expect(answer.status, answer.text).toBe(400);
    expect(answer.body.code).toBe("VALIDATION_FAILED");
    const found: string[] = answer.body.errors.map((fault: { pointer: string }) => fault.pointer);
    expect([...new Set(found)].sort()).toEqual([...pointers].sort());
    expect(await recorded("license_events")).toBe(before);
  }
});

describe("a reason", () => {
  it.each(["سبب\nفي سطرين", "x".repeat(10_000), "👩‍👩‍👧 'quoted' \"$$\" \\"])(
    "is kept exactly: %s",
    async (reason) => {
      const key = await order();
      expect((await post(key, "suspend", { reason })).body.suspensionReason).toBe(reason);
      expect((await events(key))[0].reason).toBe(reason);
      expect((await api.call("GET", `/v1/licenses/${key}/check`)).body.reason).toBe(reason);
    },
  );
});

describe("a license that can't be extended", () => {
  it("because it never ends, says what to do", async () => {
    const key = await order({ licenseType: "lifetime" });
    const answer = await post(key, "extend", { days: 7 });
    expect([answer.status, answer.body.code]).toEqual([409, "STATE_CONFLICT"]);
    expect(answer.body.hint).toContain("expiresAt");
    const ends = await patch(key, { expiresAt: new Date(Date.now() + DAY_MS).toISOString() });
    expect(ends.status).toBe(200);
    expect((await post(key, "extend", { days: 7 })).status).toBe(200);
  });

  it("beyond the year 9999 is told so, and stays as it is", async () => {
    const key = await order();
    let answer: Answer;
    let extensions = 0;
    do {
      answer = await post(key, "extend", { days: 36_500 });
      extensions++;
    } while (answer.status === 200 && extensions < 100);
    expect(answer.body, JSON.stringify(answer.body)).toMatchObject({
      code: "VALIDATION_FAILED",
      errors: [{ pointer: "/days" }],
    });
    const { expiresAt } = (await api.call("GET", `/v1/licenses/${key}`)).body.license;
    expect(expiresAt).toMatch(/^99\d\d-/);
  });
});

describe("a license that isn't there", () => {
  const requests: [string, string, unknown][] = [
    ["PATCH", "", { notes: "x" }],
    ["POST", "/suspend", { reason: "x" }],
    ["POST", "/resume", {}],
    ["POST", "/activate", {}],
    ["POST", "/deactivate", {}],
    ["POST", "/extend", { days: 7 }],
    ["GET", "/check", undefined],
    ["GET", "/events", undefined],
  ];
  it.each(requests)("is a 404 for %s %s, and nothing is recorded", async (method, path, body) => {
    const before = [await recorded("license_events"), await recorded("license_checks")];
    for (const key of ["0000-0000-0000-0000", "nonsense", "%25", "'%20or%20true--", "%D0%BA", randomUUID()]) {
      const headers = { "idempotency-key": randomUUID() };
      const answer = await api.call(method, `/v1/licenses/${key}${path}`, { body, headers });
      expect([answer.status, answer.body.code], key).toEqual([404, "LICENSE_NOT_FOUND"]);
    }
    for (const key of ["%00", "x".repeat(65), "a%0Ab"]) {
      expect((await api.call(method, `/v1/licenses/${key}${path}`, { body })).status, key).toBe(400);
    }
    expect([await recorded("license_events"), await recorded("license_checks")]).toEqual(before);
  });
});
