import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { OPS, startApi, type TestApi } from "./support/api.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { ADMIN_PASSWORD, acceptLicense, ended, orderLicense } from "./support/requests.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";

const FORM = { "content-type": "application/x-www-form-urlencoded", accept: "text/html" };

function logIn(api: TestApi, password = OPS.password, headers: Record<string, string> = {}) {
  const rawBody = new URLSearchParams({ user: OPS.user, password }).toString();
  return api.call("POST", "/admin/login", { token: null, rawBody, headers: { ...FORM, ...headers } });
}

describe("the dashboard's login", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url });
  const api = await startApi(installation);

  it("gives a cookie that no script and no other site can use, and takes it back", async () => {
    const answer = await logIn(api);
    expect(answer.status).toBe(303);
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/HttpOnly/i);
    expect(cookie).toMatch(/SameSite=Strict/i);
    expect(cookie).toMatch(/Path=\/admin/i);
    const session = { cookie: cookie.split(";")[0] ?? "" };
    const queues = "/admin/queues/api/queues";
    expect((await api.call("GET", queues, { token: null, headers: session })).text).toContain(
      "create-tenant",
    );
    const foreign = { ...session, origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    expect((await api.call("POST", "/admin/logout", { token: null, headers: foreign })).status).toBe(403);
    expect((await api.call("POST", "/admin/logout", { token: null, headers: session })).status).toBe(303);
    expect((await api.call("GET", queues, { token: null, headers: session })).status).toBe(401);
  });

  it("is refused with a wrong password, and when another site posts the form", async () => {
    expect((await logIn(api, "wrong password")).status).toBe(401);
    expect((await logIn(api, OPS.password, { origin: "https://evil.example" })).status).toBe(403);
    expect((await logIn(api, OPS.password, { "sec-fetch-site": "cross-site" })).status).toBe(403);
  });

  it("keeps no token that could be read back", async () => {
    const cookie = (await logIn(api)).headers.get("set-cookie")?.split(";")[0]?.split("=")[1] ?? "none";
    const rows = await withAdmin(database.url, (client) =>
      client.query("SELECT s::text FROM tenantry.ops_sessions s"),
    );
    expect(JSON.stringify(rows.rows)).not.toContain(cookie);
    expect(installation.logs.lines.join("")).not.toContain(cookie);
  });

  it("lets nobody try passwords without end", async () => {
    const limited = await startApi(installation, { opsLogin: 3, signIn: 3 });
    const statuses: number[] = [];
    for (let attempt = 1; attempt <= 4; attempt++)
      statuses.push((await logIn(limited, "wrong password")).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
    const body = { licenseKey: "0000-0000-0000-0000", username: "a", password: "12345678" };
    for (let attempt = 1; attempt <= 3; attempt++)
      await limited.call("POST", "/v1/sessions", { token: null, body });
    const refused = await limited.call("POST", "/v1/sessions", { token: null, body });
    expect(refused.status).toBe(429);
    expect(refused.body.code).toBe("RATE_LIMITED");
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

const CHROMIUM = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

// Everywhere a Chromium is installed, as it is in CI.
describe.runIf(existsSync(CHROMIUM)).each(queueStores())(
  "in a browser, queue on $name",
  async ({ redisUrl }) => {
    const database = await createTestDatabase();
    const installation = await openTestInstallation({ databaseUrl: database.url, redisUrl });
    const api = await startApi(installation);
    let done = "";
    let failed = "";

    beforeAll(async () => {
      const taken = await acceptLicense(installation, { clientName: "Unlucky" });
      await withAdmin(database.url, (client) => client.query(`CREATE SCHEMA ${taken.tenant.schema}`));
      const good = await orderLicense(installation, { clientName: "شركة النور <b>للتجارة</b>" });
      await installation.work();
      done = (await ended(installation, good.operation.id)).id;
      failed = (await ended(installation, taken.operation.id)).id;
    });

    it("ops sign in, see a finished job with its license and its story, and a failed one with its reason", async () => {
      const browser = await chromium.launch({
        executablePath: CHROMIUM,
        args: [
          "--no-sandbox",
          "--disable-gpu",
          "--no-first-run",
          "--disable-background-networking",
          "--disable-sync",
        ],
      });
      try {
        const page = await browser.newPage();
        const outside: string[] = [];
        page.on("request", (request) => {
          if (!request.url().startsWith(api.url) && !request.url().startsWith("data:"))
            outside.push(request.url());
        });
        await page.goto(`${api.url}/admin/queues`);
        await page.getByLabel(/user/i).fill(OPS.user);
        await page.getByLabel(/password/i).fill(OPS.password);
        await page.getByRole("button").click();
        await page.getByText("create-tenant").first().waitFor();

        await page.goto(`${api.url}/admin/queues/queue/create-tenant/${done}`);
        await page.getByText("شركة النور <b>للتجارة</b>").first().waitFor();
        const text = await page.content();
        expect(text).toContain("tenant_");
        // The operation is failed before its job is, and a job's page doesn't look again by itself.
        const error = page.getByText("Error", { exact: true }).first();
        await expect
          .poll(
            async () => {
              await page.goto(`${api.url}/admin/queues/queue/create-tenant/${failed}`);
              return error.waitFor({ timeout: 2_000 }).then(
                () => true,
                () => false,
              );
            },
            { timeout: 30_000 },
          )
          .toBe(true);
        await error.click();
        await page
          .getByText(/SCHEMA_TAKEN/)
          .first()
          .waitFor();
        expect(await page.content()).not.toContain(ADMIN_PASSWORD);
        expect(outside).toEqual([]);
      } finally {
        await browser.close();
      }
    });
  },
);
