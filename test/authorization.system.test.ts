import { SCOPES, type Scope } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { startApi } from "./support/api.ts";
import { createTestDatabase } from "./support/database.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const api = await startApi(installation);

/** What each route asks for. A route that isn't here fails the suite. */
const ROUTES: Readonly<Record<string, Scope | "session" | "public">> = {
  "POST /v1/licenses": "licenses:write",
  "POST /v1/licenses/bulk": "licenses:write",
  "POST /v1/licenses/bulk/suspend": "licenses:write",
  "POST /v1/licenses/bulk/resume": "licenses:write",
  "POST /v1/licenses/bulk/extend": "licenses:write",
  "GET /v1/licenses": "licenses:read",
  "GET /v1/licenses/{key}": "licenses:read",
  "PATCH /v1/licenses/{key}": "licenses:write",
  "POST /v1/licenses/{key}/suspend": "licenses:write",
  "POST /v1/licenses/{key}/resume": "licenses:write",
  "POST /v1/licenses/{key}/activate": "licenses:write",
  "POST /v1/licenses/{key}/deactivate": "licenses:write",
  "POST /v1/licenses/{key}/extend": "licenses:write",
  "GET /v1/licenses/{key}/check": "licenses:read",
  "GET /v1/licenses/{key}/events": "licenses:read",
  "GET /v1/licenses/{key}/certificate": "licenses:read",
  "GET /v1/licenses/{key}/drift": "operations:read",
  "GET /v1/certificate-keys": "public",
  "DELETE /v1/licenses/{key}": "licenses:write",
  "POST /v1/legacy-migrations": "legacy:write",
  "GET /v1/legacy-migrations/{id}": "legacy:write",
  "GET /v1/legacy-migrations/{id}/items": "legacy:write",
  "GET /v1/legacy-migrations/{id}/quarantine": "legacy:write",
  "POST /v1/legacy-migrations/{id}/quarantine/retry": "legacy:write",
  "GET /v1/legacy-migrations/{id}/report": "legacy:write",
  "POST /v1/licenses/{key}/backups": "backups:write",
  "GET /v1/licenses/{key}/backups": "backups:read",
  "DELETE /v1/licenses/{key}/backups": "backups:write",
  "POST /v1/backups": "backups:write",
  "GET /v1/backups": "backups:read",
  "POST /v1/backups/import": "backups:write",
  "GET /v1/backups/{id}": "backups:read",
  "GET /v1/backups/{id}/content": "backups:read",
  "POST /v1/backups/{id}/check": "backups:write",
  "POST /v1/backups/{id}/verify": "backups:write",
  "POST /v1/backups/{id}/restore": "backups:write",
  "GET /v1/kept-schemas": "backups:read",
  "DELETE /v1/kept-schemas/{id}": "backups:write",
  "POST /v1/fleet-migrations": "fleet:write",
  "GET /v1/fleet-migrations/{id}": "fleet:write",
  "GET /v1/fleet-migrations/{id}/tenants": "fleet:write",
  "POST /v1/fleet-migrations/{id}/pause": "fleet:write",
  "POST /v1/fleet-migrations/{id}/resume": "fleet:write",
  "GET /v1/operations": "operations:read",
  "GET /v1/operations/{id}": "operations:read",
  "GET /v1/operations/{id}/events": "operations:read",
  "POST /v1/operations/{id}/retry": "operations:write",
  "POST /v1/operations/{id}/cancel": "operations:write",
  "POST /v1/sessions": "public",
  "GET /v1/session": "session",
  "DELETE /v1/session": "session",
};

const document = (await api.call("GET", "/openapi.json", { token: null })).body;
const documented = Object.entries<Record<string, unknown>>(document.paths)
  .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
  .filter((route) => route.includes(" /v1/"));

function request(route: string, token: string | null) {
  const [method = "", path = ""] = route.split(" ");
  const filled = path
    .replace("{key}", "0000-0000-0000-0000")
    .replace("{id}", "01900000-0000-7000-8000-000000000000");
  return api.call(method, filled, { token, ...(method === "POST" ? { body: {} } : {}) });
}

describe("the routes", () => {
  it("are all in the table, and described as OpenAPI 3.1", () => {
    expect(document.openapi).toMatch(/^3\.1/);
    expect(documented.sort()).toEqual(Object.keys(ROUTES).sort());
  });

  const guarded = Object.entries(ROUTES).filter(([, needs]) => needs !== "public");
  it.each(guarded)("%s refuses no key, a wrong one, a revoked one and one in another form", async (route) => {
    const revoked = await api.key(...SCOPES);
    await installation.ctx.control
      .updateTable("api_keys")
      .set({ revoked_at: new Date() })
      .where(
        "id",
        "=",
        installation.ctx.control.selectFrom("api_keys").select("id").orderBy("id", "desc").limit(1),
      )
      .execute();
    for (const token of [null, "", "tk_wrong", revoked, "x".repeat(5000), "a b", "tk_\u00ff"]) {
      const answer = await request(route, token);
      expect(answer.status).toBe(401);
      expect(answer.body).toMatchObject({ code: "UNAUTHENTICATED" });
      expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
    }
  });

  const scoped = Object.entries(ROUTES).filter(([, needs]) => needs.includes(":")) as [string, Scope][];
  it.each(scoped)("%s refuses a key without %s, and takes one with nothing else", async (route, scope) => {
    const without = await request(route, await api.key(...SCOPES.filter((other) => other !== scope)));
    expect(without.status).toBe(403);
    expect(without.body.code).toBe("FORBIDDEN");
    expect(without.body.detail).toContain(scope);
    const withIt = await request(route, await api.key(scope));
    expect([200, 202, 400, 404]).toContain(withIt.status);
  });

  it("of sessions take no API key, and those of API keys no session", async () => {
    expect((await request("GET /v1/session", await api.key(...SCOPES))).status).toBe(401);
  });
});

describe("the dashboard", () => {
  it.each(["/admin/queues", "/admin/queues/api/queues", "/admin/queues/static/x", "/admin/queues/../queues"])(
    "shows nothing without a login: %s",
    async (path) => {
      for (const token of [null, await api.key(...SCOPES)]) {
        const answer = await api.call("GET", path, { token });
        expect([302, 303, 401]).toContain(answer.status);
        expect(answer.text).not.toContain("create-tenant");
      }
    },
  );
});
