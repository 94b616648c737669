import { describe, expect, it } from "vitest";
import { startApi } from "./support/api.ts";
import { createTestDatabase } from "./support/database.ts";
import { createLicenseBody } from "./support/requests.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const api = await startApi(installation);

const TEN_MEGABYTES = 10 * 1024 * 1024;

async function licensesInAll(): Promise<number> {
  const row = await installation.ctx.control
    .selectFrom("licenses")
    .select((eb) => eb.fn.countAll<string>().as("n"))
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

describe("a create-license request with a fault", () => {
  const { clientName: _, ...withoutName } = createLicenseBody();
  const faults: [string, Record<string, unknown>, string[]][] = [
    ["no client name", withoutName, ["/clientName"]],
    ["nothing at all", {}, ["/clientName", "/adminUsername", "/adminPassword"]],
    ["unknown fields", createLicenseBody({ hacker: 1, "a/b~c": 2 }), ["/hacker", "/a~1b~0c"]],
    ["a number for a name", createLicenseBody({ clientName: 5 }), ["/clientName"]],
    ["an object for a name", createLicenseBody({ clientName: { $ne: 1 } }), ["/clientName"]],
    ["null for a name", createLicenseBody({ clientName: null }), ["/clientName"]],
    ["an empty name", createLicenseBody({ clientName: "" }), ["/clientName"]],
    ["a blank name", createLicenseBody({ clientName: "   " }), ["/clientName"]],
    ["a name of 10,000 characters", createLicenseBody({ clientName: "x".repeat(10_000) }), ["/clientName"]],
    ["a control character", createLicenseBody({ clientName: "a\u0000b" }), ["/clientName"]],
    ["a line break in a name", createLicenseBody({ clientName: "a\nb" }), ["/clientName"]],
    ["a lone surrogate", createLicenseBody({ clientName: "a\ud800" }), ["/clientName"]],
    [
      "a lone surrogate in a password",
      createLicenseBody({ adminPassword: "12345678\udfff" }),
      ["/adminPassword"],
    ],
    ["maxUsers 0", createLicenseBody({ maxUsers: 0 }), ["/maxUsers"]],
    ["maxUsers -1", createLicenseBody({ maxUsers: -1 }), ["/maxUsers"]],
    ["maxUsers 1e9", createLicenseBody({ maxUsers: 1e9 }), ["/maxUsers"]],
    ["maxUsers 1.5", createLicenseBody({ maxUsers: 1.5 }), ["/maxUsers"]],
    ['maxUsers "5"', createLicenseBody({ maxUsers: "5" }), ["/maxUsers"]],
    ["an end in the past", createLicenseBody({ expiresAt: "2020-01-01T00:00:00Z" }), ["/expiresAt"]],
    ["an end that is no date", createLicenseBody({ expiresAt: "tomorrow" }), ["/expiresAt"]],
    ["an end without a zone", createLicenseBody({ expiresAt: "2099-01-01T00:00:00" }), ["/expiresAt"]],
    ["an end on 30 February", createLicenseBody({ expiresAt: "2096-02-30T00:00:00Z" }), ["/expiresAt"]],
    [
      "both an end and a duration",
      createLicenseBody({ durationDays: 5, expiresAt: "2030-01-01T00:00:00Z" }),
      ["/durationDays"],
    ],
    ["a duration of 0 days", createLicenseBody({ durationDays: 0 }), ["/durationDays"]],
    ["an unknown license type", createLicenseBody({ licenseType: "eternal" }), ["/licenseType"]],
    ["an unknown blueprint", createLicenseBody({ blueprint: "nope" }), ["/blueprint"]],
    ["a blueprint called __proto__", createLicenseBody({ blueprint: "__proto__" }), ["/blueprint"]],
    ["unknown parameters", createLicenseBody({ parameters: { x: 1 } }), ["/parameters/x"]],
    ["a short password", createLicenseBody({ adminPassword: "1234567" }), ["/adminPassword"]],
    ["a long password", createLicenseBody({ adminPassword: "x".repeat(129) }), ["/adminPassword"]],
    ["an e-mail address that is none", createLicenseBody({ email: "nobody" }), ["/email"]],
    [
      "many faults",
      { clientName: 1, maxUsers: 0, maxBranches: "x", licenseType: 7, durationDays: -1, extra: true },
      [
        "/clientName",
        "/maxUsers",
        "/maxBranches",
        "/licenseType",
        "/durationDays",
        "/extra",
        "/adminUsername",
        "/adminPassword",
      ],
    ],
  ];

  it.each(faults)("is refused with every fault listed: %s", async (_, body, pointers) => {
    const before = await licensesInAll();
    const answer = await api.call("POST", "/v1/licenses", { body });
    expect(answer.status).toBe(400);
    expect(answer.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({
      status: 400,
      code: "VALIDATION_FAILED",
      hint: expect.any(String),
      title: expect.any(String),
      type: expect.any(String),
      instance: expect.any(String),
    });
    const found: string[] = answer.body.errors.map((fault: { pointer: string }) => fault.pointer);
    expect([...new Set(found)].sort()).toEqual([...pointers].sort());
    expect(await licensesInAll()).toBe(before);
  });

  const unreadable: [string, { rawBody?: string; headers?: Record<string, string> }][] = [
    ["ten megabytes", { rawBody: JSON.stringify(createLicenseBody({ notes: "x".repeat(TEN_MEGABYTES) })) }],
    ["broken JSON", { rawBody: '{"clientName": "a"' }],
    ["no JSON at all", { rawBody: "clientName=a" }],
    ["JSON that is no object", { rawBody: "[1, 2]" }],
    ["JSON that is a string", { rawBody: '"x"' }],
    ["an empty body", { rawBody: "" }],
    ["no body", {}],
    ["a member called __proto__", { rawBody: '{"clientName":"a","__proto__":{"isAdmin":true}}' }],
    ["a member called constructor", { rawBody: '{"clientName":"a","constructor":{"prototype":{"x":1}}}' }],
    ["a form", { rawBody: "a=b", headers: { "content-type": "application/x-www-form-urlencoded" } }],
    ["bytes that are no UTF-8 text type", { rawBody: "{}", headers: { "content-type": "text/plain" } }],
    [
      "an Idempotency-Key that is too long",
      { rawBody: "{}", headers: { "idempotency-key": "k".repeat(256) } },
    ],
    [
      "a Prefer beyond 60 s",
      { rawBody: JSON.stringify(createLicenseBody()), headers: { prefer: "wait=61" } },
    ],
  ];

  it.each(unreadable)("is refused when it can't be read: %s", async (_, options) => {
    const before = await licensesInAll();
    const answer = await api.call("POST", "/v1/licenses", options);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: "VALIDATION_FAILED", errors: expect.any(Array) });
    expect(await licensesInAll()).toBe(before);
  });
});

describe("text that only looks harmful", () => {
  it.each([
    "'; DROP SCHEMA tenantry CASCADE; --",
    '{"$ne":1}',
    "__proto__",
    "شركة النور للتجارة",
    "👩‍👩‍👧‍👦 & sons",
    "\u202Egnirts\u202C",
    "<script>alert(1)</script>",
    "  two blanks  ",
    "\\'; \\\\",
    "%s $1 {{x}}",
  ])("is stored exactly as it came: %j", async (clientName) => {
    const answer = await api.call("POST", "/v1/licenses", {
      body: createLicenseBody({ clientName, notes: `${clientName}\n` }),
    });
    expect(answer.status).toBe(202);
    const { key } = answer.body.license;
    const stored = await api.call("GET", `/v1/licenses/${key}`);
    expect(stored.body.license).toMatchObject({ clientName, notes: `${clientName}\n` });
    const found = await api.call("GET", `/v1/licenses?q=${encodeURIComponent(clientName)}&limit=200`);
    expect(found.body.items.map((license: { key: string }) => license.key)).toContain(key);
    // A right-to-left override in a log would turn the rest of the line around.
    expect(installation.logs.lines.join("")).not.toContain("\u202E");
  });
});

describe("a path, query or header with a fault", () => {
  it.each([
    ["GET", "/v1/licenses?limit=0"],
    ["GET", "/v1/licenses?limit=201"],
    ["GET", "/v1/licenses?limit=many"],
    ["GET", "/v1/licenses?cursor=nonsense"],
    ["GET", "/v1/licenses?status=broken"],
    ["GET", "/v1/licenses?unknown=1"],
    ["GET", "/v1/licenses?q=%00"],
    ["GET", "/v1/licenses?blueprint=%00"],
    ["GET", "/v1/operations?licenseKey=%00"],
    ["GET", "/v1/operations?kind=nothing"],
    ["GET", "/v1/operations?parentId=nothing"],
    ["GET", "/v1/operations?state=%FF"],
  ])("is refused: %s %s", async (method, path) => {
    const answer = await api.call(method, path);
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe("VALIDATION_FAILED");
  });

  it.each([
    ["GET", "/v1/licenses/%00", "LICENSE_NOT_FOUND"],
    ["GET", "/v1/licenses/0000-0000-0000-0000", "LICENSE_NOT_FOUND"],
    ["GET", `/v1/licenses/${"x".repeat(5000)}`, "LICENSE_NOT_FOUND"],
    ["GET", "/v1/licenses/'%20OR%20'1'='1", "LICENSE_NOT_FOUND"],
    ["GET", "/v1/operations/not-an-id", "OPERATION_NOT_FOUND"],
    ["GET", "/v1/operations/01900000-0000-7000-8000-000000000000", "OPERATION_NOT_FOUND"],
    ["GET", "/v1/operations/01900000-0000-7000-8000-000000000000/events", "OPERATION_NOT_FOUND"],
    ["POST", "/v1/operations/01900000-0000-7000-8000-000000000000/retry", "OPERATION_NOT_FOUND"],
    ["POST", "/v1/operations/%00/cancel", "OPERATION_NOT_FOUND"],
    ["GET", "/v1/nothing", "ROUTE_NOT_FOUND"],
    ["PUT", "/v1/licenses", "ROUTE_NOT_FOUND"],
    ["GET", "/etc/passwd", "ROUTE_NOT_FOUND"],
    ["GET", "/docs/../../etc/passwd", "ROUTE_NOT_FOUND"],
  ])("finds nothing: %s %s", async (method, path, code) => {
    const answer = await api.call(method, path);
    expect([400, 404, 414]).toContain(answer.status);
    expect([code, "VALIDATION_FAILED"]).toContain(answer.body.code);
  });
});
