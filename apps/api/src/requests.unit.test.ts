import type { TenancyContext } from "@tenantry/tenancy";
import Fastify, { type FastifyInstance, type InjectOptions } from "fastify";
import Type from "typebox";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isForeignChange } from "./admin/guard.ts";
import { installAuthentication } from "./authentication.ts";
import { installErrorHandling } from "./error-handling.ts";
import { installJsonBody, isDeeperThan } from "./json-body.ts";
import { MAX_BODY_BYTES } from "./request-error.ts";
import { validatorCompiler } from "./validation.ts";

const Query = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
    q: Type.Optional(Type.String({ maxLength: 5 })),
  },
  { additionalProperties: false },
);
const Body = Type.Object({ name: Type.String({ maxLength: 5 }) }, { additionalProperties: false });

let app: FastifyInstance;

beforeEach(() => {
  app = Fastify({ bodyLimit: MAX_BODY_BYTES });
  app.setValidatorCompiler(validatorCompiler);
  installErrorHandling(app);
  installJsonBody(app);
  app.get("/list", { schema: { querystring: Query } }, async (request) => request.query);
  app.post("/things", { schema: { body: Body } }, async (request) => request.body);
});
afterEach(() => app.close());

async function faultsOf(request: InjectOptions): Promise<unknown> {
  const answer = await app.inject(request);
  expect(answer.statusCode).toBe(400);
  expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
  expect(answer.json()).toMatchObject({ code: "VALIDATION_FAILED" });
  return answer.json().errors;
}

describe("queries", () => {
  test("whole numbers are read as such", async () => {
    expect((await app.inject("/list?limit=50&q=7")).json()).toEqual({ limit: 50, q: "7" });
  });

  test.each([
    ["limit=0", "/limit"],
    ["limit=1.5", "/limit"],
    ["limit=1e2", "/limit"],
    ["limit=1&limit=2", "/limit"],
    ["q=%00", "/q"],
    ["q=123456", "/q"],
    ["other=1", "/other"],
    ["__proto__=1", "/__proto__"],
  ])("%s is refused once", async (query, pointer) => {
    const faults = await faultsOf({ url: `/list?${query}` });
    expect(faults).toHaveLength(1);
    expect(faults).toMatchObject([{ pointer }]);
  });
});

describe("bodies", () => {
  const post = (payload: string | Buffer, type = "application/json"): InjectOptions => ({
    method: "POST",
    url: "/things",
    headers: { "content-type": type },
    payload,
  });

  test("are passed on as they are", async () => {
    expect((await app.inject(post('{"name":"شركة"}'))).json()).toEqual({ name: "شركة" });
  });

  test.each([
    ["broken", '{"name": "x" oops}', "is not valid JSON, see position 13"],
    ["with __proto__", '{"name":"x","__proto__":{}}', "has a member named __proto__"],
    ["nested without end", `{"name":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "is nested deeper than"],
    ["too large", `{"name":"${"x".repeat(MAX_BODY_BYTES)}"}`, "must have at most 1048576 bytes"],
  ])("%s", async (_name, payload, detail) => {
    expect(await faultsOf(post(payload))).toEqual([{ pointer: "", detail: expect.stringContaining(detail) }]);
  });

  test("that are no UTF-8", async () => {
    expect(await faultsOf(post(Buffer.from([0x22, 0xff, 0x22])))).toEqual([
      { pointer: "", detail: "is not valid UTF-8" },
    ]);
  });

  test("of another type", async () => {
    expect(await faultsOf(post("name=x", "application/x-www-form-urlencoded"))).toMatchObject([
      { pointer: "/headers/content-type" },
    ]);
  });

  test("a missing one lacks its fields", async () => {
    expect(await faultsOf({ method: "POST", url: "/things" })).toMatchObject([{ pointer: "/name" }]);
    expect(await faultsOf(post(""))).toMatchObject([{ pointer: "/name" }]);
  });
});

test("an unknown route is a problem", async () => {
  const answer = await app.inject("/nowhere?token=x");
  expect(answer.statusCode).toBe(404);
  expect(answer.json()).toMatchObject({ code: "ROUTE_NOT_FOUND", instance: "/nowhere" });
});

test("a route under /v1 without a scope stops the start", () => {
  installAuthentication(app, {} as TenancyContext);
  expect(() => app.get("/v1/forgotten", async () => null)).toThrow("declares no scope");
  expect(() => app.get("/v1/open", { config: { scope: "public" } }, async () => null)).not.toThrow();
});

test("depth is counted to the limit", () => {
  expect(isDeeperThan({ a: [1] }, 2)).toBe(false);
  expect(isDeeperThan({ a: [{}] }, 2)).toBe(true);
  expect(isDeeperThan("text", 1)).toBe(false);
});

describe("changes that another site asks for", () => {
  const foreign = (method: string, headers: Record<string, string>): boolean =>
    isForeignChange({ method, headers, host: "ops.example:3000" });

  test("are told by Sec-Fetch-Site, else by Origin", () => {
    expect(foreign("POST", { "sec-fetch-site": "cross-site" })).toBe(true);
    expect(foreign("POST", { "sec-fetch-site": "same-site" })).toBe(true);
    expect(foreign("POST", { "sec-fetch-site": "same-origin" })).toBe(false);
    expect(foreign("POST", { origin: "http://evil.example" })).toBe(true);
    expect(foreign("POST", { origin: "null" })).toBe(true);
    expect(foreign("POST", { origin: "http://ops.example:3000" })).toBe(false);
  });

  test("a look, or a program, is none", () => {
    expect(foreign("GET", { "sec-fetch-site": "cross-site" })).toBe(false);
    expect(foreign("POST", {})).toBe(false);
  });
});
