import { setTimeout as wait } from "node:timers/promises";
import {
  activateLicense,
  changeLicense,
  deactivateLicense,
  endSession,
  resumeLicense,
  signIn,
  suspendLicense,
  TenancyError,
  withTenant,
} from "@tenantry/tenancy";
import { type RequestTenant, tenantry } from "@tenantry/tenancy/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import { type Kysely, sql } from "kysely";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { hold } from "./support/locks.ts";
import { ADMIN_PASSWORD, acceptLicense, ended, orderLicense } from "./support/requests.ts";
import { openTestInstallation } from "./support/tenantry.ts";

interface Tables {
  branches: { id: number; code: string; name: string };
  users: { id: string; username: string; is_active: boolean };
}

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const { ctx } = installation;
const CALLER = { actor: "cli:test", apiKeyId: null, idempotency: null };
/** What is promised. Milliseconds. */
const STALE_MS = 1_000;
/** What NOTIFY makes of it, on a machine that isn't too busy: hence the second and third try. Milliseconds. */
const TOLD_MS = 250;
const RETRIES = { retry: 2 };

interface Customer {
  readonly key: string;
  readonly schema: string;
  readonly token: string;
}

async function customer(): Promise<Customer> {
  const { license, tenant, operation } = await orderLicense(installation);
  await ended(installation, operation.id);
  return { key: license.key, schema: tenant.schema, token: await tokenOf(license.key) };
}

async function tokenOf(licenseKey: string): Promise<string> {
  const input = { licenseKey, username: "admin", password: ADMIN_PASSWORD, ttlMs: 3_600_000 };
  return (await signIn(ctx, input)).token;
}

const codes = (tenant: RequestTenant) =>
  tenant.db(async (db: Kysely<Tables>) =>
    (await db.selectFrom("branches").select("code").orderBy("code").execute()).map(({ code }) => code),
  );

let leaked: RequestTenant | undefined;

/** An application as its developer would write it. */
async function startApp(): Promise<FastifyInstance> {
  const app = Fastify();
  await app.register(tenantry, { installation });
  app.get("/health", { config: { tenantry: false } }, async () => ({ ok: true }));
  app.get("/open-but-asks", { config: { tenantry: false } }, async (request) => request.tenant.license);
  app.get("/me", async ({ tenant }) => ({
    user: tenant.user,
    license: tenant.license,
    tenant: tenant.tenant,
  }));
  app.get("/branches", async ({ tenant }) => codes(tenant));
  app.post<{ Body: { code: string } }>("/branches", async ({ tenant, body }, reply) => {
    await tenant.db((db: Kysely<Tables>) =>
      db
        .insertInto("branches")
        .values({ code: body.code, name: body.code } as never)
        .execute(),
    );
    return reply.code(201).send();
  });
  app.get("/catalogue", { config: { tenantry: "license-key" } }, async ({ tenant }) => ({
    key: tenant.license.key,
    user: tenant.user,
    codes: await codes(tenant),
  }));
  app.get("/who", async ({ tenant }) =>
    tenant.db(
      async (db: Kysely<Tables>) =>
        (
          await sql<{ session: string; path: string }>`
          select session_user as session, current_schema() as path`.execute(db)
        ).rows[0],
      { mode: "login" },
    ),
  );
  app.get("/limit", async () => {
    throw new TenancyError("STATE_CONFLICT", "As a limit would say.");
  });
  app.get("/defect", async () => {
    throw new Error("not Tenantry's");
  });
  app.get("/leak", async ({ tenant }) => {
    leaked = tenant;
    return {};
  });
  await app.register(async (inner) => {
    inner.get("/inner/branches", async ({ tenant }) => codes(tenant));
  });
  return app;
}

const ask = (app: FastifyInstance, url: string, headers: Record<string, string> = {}) =>
  app.inject({ url, headers });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe("an application behind the plugin", () => {
  let app: FastifyInstance;
  let one: Customer;
  let two: Customer;

  beforeAll(async () => {
    await installation.work();
    [one, two] = await Promise.all([customer(), customer()]);
    app = await startApp();
    for (const { token, key } of [one, two]) {
      const answer = await app.inject({
        method: "POST",
        url: "/branches",
        headers: bearer(token),
        payload: { code: `OF-${key.slice(0, 4)}` },
      });
      expect(answer.statusCode).toBe(201);
    }
  });
  beforeEach(async () => {
    for (const { token } of [one, two]) {
      expect((await ask(app, "/branches", bearer(token))).statusCode).toBe(200);
    }
  });

  it("is handed the customer that has signed in: license, tenant, user and data", async () => {
    const answer = await ask(app, "/me", bearer(one.token));
    expect(answer.json()).toMatchObject({
      user: { username: "admin", isAdmin: true },
      license: { key: one.key, status: "active" },
      tenant: { schema: one.schema, state: "ready" },
    });
    expect(answer.body).not.toMatch(/argon2|password|hash/i);
    expect(answer.headers["cache-control"]).toBe("no-store");
    for (const path of ["/branches", "/inner/branches"]) {
      expect((await ask(app, path, bearer(one.token))).json()).toEqual(["MAIN", `OF-${one.key.slice(0, 4)}`]);
    }
  });

  it("can serve a route as the tenant's own login", async () => {
    const answer = await ask(app, "/who", bearer(two.token));
    expect(answer.json()).toMatchObject({ session: expect.stringContaining(two.schema), path: two.schema });
  });

  it("takes a license key where the route says so, however it is sent and typed", async () => {
    for (const headers of [
      { "x-license-key": one.key },
      { "x-license-key": ` ${one.key.toLowerCase()} ` },
      bearer(one.key),
      { ...bearer(one.key), "x-license-key": one.key },
    ]) {
      const answer = await ask(app, "/catalogue", headers);
      expect(answer.json()).toEqual({
        key: one.key,
        user: null,
        codes: ["MAIN", `OF-${one.key.slice(0, 4)}`],
      });
    }
    expect((await ask(app, "/branches", { "x-license-key": one.key })).statusCode).toBe(401);
    expect((await ask(app, "/catalogue", bearer(one.token))).statusCode).toBe(401);
  });

  it("takes both, and then both have to be the same customer's", async () => {
    const both = (token: string, key: string) => ({ ...bearer(token), "x-license-key": key });
    const answer = await ask(app, "/catalogue", both(one.token, one.key));
    expect(answer.json()).toMatchObject({ key: one.key, user: { username: "admin" } });
    expect((await ask(app, "/branches", both(one.token, one.key))).statusCode).toBe(200);
    for (const path of ["/branches", "/catalogue"]) {
      for (const headers of [
        both(one.token, two.key),
        both(two.token, one.key),
        both(one.token, "NO-SUCH-KEY"),
      ]) {
        const refused = await ask(app, path, headers);
        expect([refused.statusCode, refused.json().code]).toEqual([401, "UNAUTHENTICATED"]);
      }
    }
    const twoKeys = await ask(app, "/catalogue", { ...bearer(one.key), "x-license-key": two.key });
    expect(twoKeys.statusCode).toBe(401);
  });

  it.each([
    ["nothing", {}],
    ["an empty header", { authorization: "" }],
    ["another scheme", { authorization: `Basic ${Buffer.from("admin:admin").toString("base64")}` }],
    ["a token without a scheme", { authorization: "ts_x" }],
    ["an unknown token", bearer(`ts_${"A".repeat(43)}`)],
    ["a token cut short", bearer(`ts_${"A".repeat(42)}`)],
    ["a token with more behind it", { authorization: `Bearer ts_${"A".repeat(43)} or more` }],
    ["an API key", bearer(`tk_${"A".repeat(43)}`)],
    ["SQL", bearer("'or'1'='1")],
    ["a very long token", bearer(`ts_${"A".repeat(8_000)}`)],
    ["a NUL", { "x-license-key": "A\u0000B" }],
    ["two keys in one header", { "x-license-key": "AAAA-AAAA-AAAA-AAAA, BBBB-BBBB-BBBB-BBBB" }],
    ["an unknown key", { "x-license-key": "AAAA-AAAA-AAAA-AAAA" }],
  ])("refuses %s with a problem", async (_, headers) => {
    for (const path of ["/branches", "/catalogue"]) {
      const answer = await ask(app, path, headers as Record<string, string>);
      expect(answer.statusCode).toBe(401);
      expect(answer.headers).toMatchObject({
        "content-type": "application/problem+json; charset=utf-8",
        "www-authenticate": "Bearer",
      });
      expect(answer.json()).toMatchObject({ code: "UNAUTHENTICATED", status: 401, instance: path });
    }
  });

  it("has routes for everybody, which have no tenant, and a 404 that is its own", async () => {
    expect((await ask(app, "/health")).json()).toEqual({ ok: true });
    expect((await ask(app, "/open-but-asks", bearer(one.token))).statusCode).toBe(500);
    expect((await ask(app, "/nowhere")).statusCode).toBe(404);
  });

  it("guards routes that were declared before it, and refuses a lock that doesn't exist", async () => {
    const early = Fastify();
    early.get("/branches", async ({ tenant }) => codes(tenant));
    early.register(tenantry, { installation });
    expect((await ask(early, "/branches")).statusCode).toBe(401);
    expect((await ask(early, "/branches", bearer(one.token))).statusCode).toBe(200);
    await early.close();
    const wrong = Fastify();
    await wrong.register(tenantry, { installation });
    expect(() => wrong.get("/x", { config: { tenantry: "sesion" as never } }, async () => "x")).toThrow(
      /config\.tenantry/,
    );
    await wrong.close();
  });

  it("answers Tenantry's errors as problems, and leaves the application's own alone", async () => {
    const limit = await ask(app, "/limit", bearer(one.token));
    expect([limit.statusCode, limit.json().code]).toEqual([409, "STATE_CONFLICT"]);
    const defect = await ask(app, "/defect", bearer(one.token));
    expect([defect.statusCode, defect.json().message]).toEqual([500, "not Tenantry's"]);
    const own = Fastify();
    own.setErrorHandler((error, _request, reply) => reply.code(418).send({ own: (error as Error).message }));
    await own.register(tenantry, { installation, problems: false });
    own.get("/limit", async () => {
      throw new TenancyError("STATE_CONFLICT", "As a limit would say.");
    });
    expect((await ask(own, "/limit", bearer(one.token))).json()).toEqual({ own: "As a limit would say." });
    expect((await ask(own, "/limit")).json().code).toBe("UNAUTHENTICATED");
    await own.close();
  });

  it("can't use the tenant once the answer is sent", async () => {
    await ask(app, "/leak", bearer(one.token));
    await expect(leaked?.db(async () => "late")).rejects.toThrow(/after the request's answer/);
  });

  it("never mixes two customers, however many requests are under way", async () => {
    const rounds = Array.from({ length: 400 }, (_, round) => (round % 2 === 0 ? one : two));
    const answers = await Promise.all(rounds.map(({ token }) => ask(app, "/branches", bearer(token))));
    expect(answers.map((answer) => answer.json())).toEqual(
      rounds.map(({ key }) => ["MAIN", `OF-${key.slice(0, 4)}`]),
    );
  });

  it.each([
    [
      "suspended",
      "LICENSE_SUSPENDED",
      () => suspendLicense(ctx, one.key, { reason: "unpaid" }, CALLER),
      () => resumeLicense(ctx, one.key, {}, CALLER),
    ],
    [
      "switched off",
      "LICENSE_INACTIVE",
      () => deactivateLicense(ctx, one.key, {}, CALLER),
      () => activateLicense(ctx, one.key, {}, CALLER),
    ],
    [
      "ended",
      "LICENSE_EXPIRED",
      () => changeLicense(ctx, one.key, { expiresAt: new Date(Date.now() - 1_000) }, CALLER),
      () => changeLicense(ctx, one.key, { expiresAt: new Date(Date.now() + 86_400_000) }, CALLER),
    ],
  ])(
    "refuses a license that is %s at once, also in requests under way, and lets it in again",
    RETRIES,
    async (_, code, off, on) => {
      const lasts = {
        session: hammer("/branches", bearer(one.token)),
        key: hammer("/catalogue", { "x-license-key": one.key }),
      };
      await wait(100);
      await off();
      const offAt = performance.now();
      await wait(STALE_MS + 300);
      await on();
      const onAt = performance.now();
      await wait(STALE_MS + 300);
      for (const { stop } of Object.values(lasts)) {
        const seen = await stop();
        const meanwhile = seen.filter(({ at }) => at > offAt && at < onAt);
        const late = meanwhile.filter(({ status }) => status === 200).map(({ at }) => Math.round(at - offAt));
        // At once, through NOTIFY; what is promised is a second.
        expect(Math.max(0, ...late)).toBeLessThan(TOLD_MS);
        expect(
          new Set(meanwhile.filter(({ status }) => status !== 200).map((answer) => answer.code)),
        ).toEqual(new Set([code]));
        expect(seen.at(-1)?.status).toBe(200);
      }
    },
  );

  it(
    "refuses within a second when its listening connection is dead and nobody has noticed",
    RETRIES,
    async () => {
      // A change that nobody announces is what a silent connection looks like.
      await withAdmin(database.adminUrl, async (client) => {
        await client.query("ALTER TABLE tenantry.licenses DISABLE TRIGGER announce_changed_license");
        try {
          const requests = hammer("/branches", bearer(one.token));
          await suspendLicense(ctx, one.key, { reason: "unpaid" }, CALLER);
          const offAt = performance.now();
          await wait(1_500);
          const late = (await requests.stop()).filter(({ at, status }) => status === 200 && at > offAt);
          expect(late.length).toBeGreaterThan(0);
          expect(Math.max(...late.map(({ at }) => at - offAt))).toBeLessThan(STALE_MS);
        } finally {
          await client.query("ALTER TABLE tenantry.licenses ENABLE TRIGGER announce_changed_license");
          await resumeLicense(ctx, one.key, {}, CALLER);
          await wait(600);
        }
      });
    },
  );

  it("refuses at once while its listening connection is being killed over and over", async () => {
    const kill = async () =>
      withAdmin(database.adminUrl, (client) =>
        client.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%-licenses'",
        ),
      );
    const requests = hammer("/branches", bearer(one.token));
    const killing = (async () => {
      for (let times = 0; times < 15; times++) {
        await kill();
        await wait(50);
      }
    })();
    await wait(200);
    await suspendLicense(ctx, one.key, { reason: "unpaid" }, CALLER);
    const offAt = performance.now();
    await killing;
    await wait(300);
    const late = (await requests.stop()).filter(({ at, status }) => status === 200 && at > offAt);
    expect(Math.max(0, ...late.map(({ at }) => at - offAt))).toBeLessThan(STALE_MS);
    await resumeLicense(ctx, one.key, {}, CALLER);
    await expect.poll(async () => (await ask(app, "/branches", bearer(one.token))).statusCode).toBe(200);
  });

  it("believes no forged notification, and stands a flood of them", async () => {
    const { id } = await ctx.control
      .selectFrom("licenses")
      .select("id")
      .where("key", "=", one.key)
      .executeTakeFirstOrThrow();
    const flood = withAdmin(database.adminUrl, async (client) => {
      const until = Date.now() + 1_000;
      while (Date.now() < until) {
        await client.query("SELECT pg_notify('tenantry_license', p) FROM unnest($1::text[]) p", [
          [
            id,
            "",
            "garbage",
            "x".repeat(7_000),
            ...Array.from({ length: 200 }, (_, n) => `${n} ${Date.now()}`),
          ],
        ]);
      }
    });
    const requests = hammer("/branches", bearer(one.token));
    await flood;
    const seen = await requests.stop();
    // However many a busy machine gets through: they are answered, and all of them well.
    expect(new Set(seen.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it(
    "refuses a session at once when it is ended, and leaves the license's others alone",
    RETRIES,
    async () => {
      const token = await tokenOf(one.key);
      expect((await ask(app, "/branches", bearer(token))).statusCode).toBe(200);
      const requests = hammer("/branches", bearer(token));
      await wait(50);
      await endSession(ctx, token);
      const endedAt = performance.now();
      await wait(700);
      const late = (await requests.stop()).filter(({ at, status }) => status === 200 && at > endedAt);
      expect(Math.max(0, ...late.map(({ at }) => at - endedAt))).toBeLessThan(TOLD_MS);
      expect((await ask(app, "/branches", bearer(token))).json().code).toBe("UNAUTHENTICATED");
      expect((await ask(app, "/branches", bearer(one.token))).statusCode).toBe(200);
    },
  );

  it("refuses a session that has run out by the clock, and a license too, without anybody's word", async () => {
    const input = { licenseKey: two.key, username: "admin", password: ADMIN_PASSWORD, ttlMs: 1_200 };
    const { token } = await signIn(ctx, input);
    const endsAt = new Date(Date.now() + 2_500);
    await changeLicense(ctx, two.key, { expiresAt: endsAt }, CALLER);
    const short = hammer("/branches", bearer(token));
    const long = hammer("/branches", bearer(two.token));
    await wait(3_000);
    const [shortSeen, longSeen] = [await short.stop(), await long.stop()];
    expect(shortSeen[0]?.status).toBe(200);
    expect(shortSeen.at(-1)).toMatchObject({ status: 401 });
    expect(longSeen[0]?.status).toBe(200);
    expect(longSeen.at(-1)).toMatchObject({ status: 403, code: "LICENSE_EXPIRED" });
    expect(longSeen.filter(({ clock, status }) => status === 200 && clock > endsAt.getTime() + 250)).toEqual(
      [],
    );
    await changeLicense(ctx, two.key, { expiresAt: new Date(Date.now() + 86_400_000) }, CALLER);
    await expect.poll(async () => (await ask(app, "/branches", bearer(two.token))).statusCode).toBe(200);
  });

  it("refuses a user within a second who is switched off, or removed", async () => {
    const tenant = await ctx.control
      .selectFrom("tenants")
      .selectAll()
      .where("schema_name", "=", one.schema)
      .executeTakeFirstOrThrow();
    const setActive = (active: boolean) =>
      withTenant(ctx, tenant, (db: Kysely<Tables>) =>
        db.updateTable("users").set({ is_active: active }).execute(),
      );
    const requests = hammer("/branches", bearer(one.token));
    await wait(50);
    await setActive(false);
    const offAt = performance.now();
    await wait(STALE_MS + 200);
    const seen = (await requests.stop()).filter(({ at }) => at > offAt);
    expect(
      Math.max(0, ...seen.filter(({ status }) => status === 200).map(({ at }) => at - offAt)),
    ).toBeLessThan(STALE_MS);
    expect(seen.at(-1)).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
    await setActive(true);
    expect((await ask(app, "/branches", bearer(one.token))).statusCode).toBe(200);
  });

  it("refuses a tenant that isn't ready, by name and without opening anything", async () => {
    const { license } = await acceptLicense(installation);
    await ctx.control
      .updateTable("operations")
      .set({ available_at: new Date(Date.now() + 3_600_000) })
      .where("license_id", "=", (eb) => eb.selectFrom("licenses").select("id").where("key", "=", license.key))
      .execute();
    const answer = await ask(app, "/catalogue", { "x-license-key": license.key });
    expect([answer.statusCode, answer.json().code]).toEqual([409, "TENANT_NOT_READY"]);
    await ctx.control
      .updateTable("tenants")
      .set({ state: "deleting" })
      .where("schema_name", "=", two.schema)
      .execute();
    await expect
      .poll(async () => (await ask(app, "/branches", bearer(two.token))).json().code, { timeout: STALE_MS })
      .toBe("TENANT_NOT_READY");
    await ctx.control
      .updateTable("tenants")
      .set({ state: "ready" })
      .where("schema_name", "=", two.schema)
      .execute();
    await expect.poll(async () => (await ask(app, "/branches", bearer(two.token))).statusCode).toBe(200);
  });

  it("says 503 rather than let in on an old word when PostgreSQL doesn't answer", async () => {
    await wait(600);
    const release = await hold(database.adminUrl, "LOCK TABLE tenantry.licenses IN ACCESS EXCLUSIVE MODE");
    const answer = ask(app, "/branches", bearer(one.token));
    await wait(1_500);
    await release();
    const { statusCode, headers } = await answer;
    expect([statusCode, headers["retry-after"]]).toEqual([503, "2"]);
    expect((await ask(app, "/branches", bearer(one.token))).statusCode).toBe(200);
  });

  /** Asks again and again; each answer with the moment it came. */
  function hammer(path: string, headers: Record<string, string>) {
    const seen: { at: number; clock: number; status: number; code: string | undefined }[] = [];
    let stopped = false;
    const loops = Array.from({ length: 3 }, async () => {
      while (!stopped) {
        const answer = await ask(app, path, headers);
        const body = answer.json() as { code?: string };
        seen.push({ at: performance.now(), clock: Date.now(), status: answer.statusCode, code: body.code });
        await wait(2);
      }
    });
    return {
      stop: async () => {
        stopped = true;
        await Promise.all(loops);
        return seen;
      },
    };
  }
});
