import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import { examineLicense } from "@tenantry/tenancy";
import { beforeAll, describe, expect, it } from "vitest";
import { startApi } from "./support/api.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { createLicenseBody } from "./support/requests.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";

const OWNER = 9_700_000_001;

function bookingBody(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    clientName: "Студия маникюра",
    blueprint: "booking",
    parameters: { adminTelegramId: OWNER },
    ...overrides,
  };
}

const nth = (number: number): string => `client_${String(number).padStart(3, "0")}`;

describe.each(queueStores())("selling the booking bot, queue on $name", async ({ redisUrl }) => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({
    databaseUrl: database.url,
    redisUrl,
    blueprints: [erp, booking],
  });
  const { ctx } = installation;
  const api = await startApi(installation);

  beforeAll(async () => {
    await installation.work();
  });

  const order = (overrides: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
    api.call("POST", "/v1/licenses", { body: bookingBody(overrides), headers });
  const waited = async (overrides: Record<string, unknown> = {}) => {
    const answer = await order(overrides, { prefer: "wait=30" });
    expect(answer.status, answer.text).toBe(201);
    return answer.body;
  };
  const superAdmins = async (schema: string) =>
    withAdmin(database.adminUrl, async (client) => {
      const found = await client.query(`SELECT user_id FROM ${schema}.admins WHERE role = 'super_admin'`);
      return found.rows.map((row) => Number(row.user_id));
    });

  it("gives twenty customers who come at once the names client_001 to client_020, each with its own owner", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        order({ clientName: `Client ${index}`, parameters: { adminTelegramId: OWNER + index } }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(answers.map(({ body }) => body.tenant.schema).sort()).toEqual(
      Array.from({ length: 20 }, (_, index) => nth(index + 1)),
    );
    const rows = await Promise.all(
      answers.map(({ body }) =>
        installation.watch.untilFinished(body.operation.id, AbortSignal.timeout(60_000)),
      ),
    );
    expect(rows.map(({ state, result }) => [state, (result as { tables: number }).tables])).toEqual(
      rows.map(() => ["succeeded", 16]),
    );
    for (const [index, { body }] of answers.entries()) {
      expect(await superAdmins(body.tenant.schema)).toEqual([OWNER + index]);
    }
  });

  it("spends one name on an order that is sent thirty times at once, and none on one that is refused", async () => {
    const { tenant: before } = await waited();
    const number = Number(before.schema.slice("client_".length));
    expect((await order({ parameters: {} })).status).toBe(400);
    const headers = { "idempotency-key": "booking 1" };
    const answers = await Promise.all(Array.from({ length: 30 }, () => order({}, headers)));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]?.body.tenant.schema).toBe(nth(number + 1));
    expect((await waited()).tenant.schema).toBe(nth(number + 2));
  });

  it("goes on with four digits after client_999", async () => {
    await ctx.control
      .updateTable("schema_counters")
      .set({ last: 998 })
      .where("blueprint", "=", "booking")
      .execute();
    const schemas: string[] = [];
    for (let index = 0; index < 3; index++) schemas.push((await waited()).tenant.schema);
    expect(schemas).toEqual(["client_999", "client_1000", "client_1001"]);
  });

  it.each<[string, Record<string, unknown>, string[]]>([
    ["no owner", { parameters: undefined }, ["/parameters/adminTelegramId"]],
    ["no owner among its parameters", { parameters: {} }, ["/parameters/adminTelegramId"]],
    ["an owner in words", { parameters: { adminTelegramId: "9700000001" } }, ["/parameters/adminTelegramId"]],
    ["an owner of 0", { parameters: { adminTelegramId: 0 } }, ["/parameters/adminTelegramId"]],
    ["an owner below 0", { parameters: { adminTelegramId: -1 } }, ["/parameters/adminTelegramId"]],
    ["half an owner", { parameters: { adminTelegramId: 1.5 } }, ["/parameters/adminTelegramId"]],
    ["an owner of 53 bits", { parameters: { adminTelegramId: 2 ** 52 } }, ["/parameters/adminTelegramId"]],
    [
      "a parameter that nobody knows",
      { parameters: { adminTelegramId: OWNER, botToken: "x" } },
      ["/parameters/botToken"],
    ],
    ["parameters that are a list", { parameters: [OWNER] }, ["/parameters"]],
    [
      "a password for nobody to sign in with",
      { adminUsername: "admin", adminPassword: "correct horse" },
      ["/adminUsername", "/adminPassword"],
    ],
  ])("refuses an order with %s, and says where", async (_, overrides, pointers) => {
    const answer = await order(overrides);
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe("VALIDATION_FAILED");
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual(
      [...pointers].sort(),
    );
  });

  it("has clients that nobody signs in to, and that are sound", async () => {
    const { license, tenant } = await waited();
    expect(tenant).toMatchObject({ state: "ready", blueprint: "booking", version: "0006_imported_bookings" });
    const signIn = await api.call("POST", "/v1/sessions", {
      token: null,
      body: { licenseKey: license.key, username: "admin", password: "correct horse" },
    });
    expect([signIn.status, signIn.body.code]).toEqual([401, "INVALID_CREDENTIALS"]);
    const findings = await examineLicense(ctx, {
      licenseKey: license.key,
      username: null,
      caller: { actor: "cli:test", apiKeyId: null, idempotency: null },
      announce: async () => undefined,
    });
    expect(findings.filter(({ severity }) => severity !== "ok")).toEqual([]);
    expect(findings.map(({ check }) => check)).toContain("tables");
  });

  it("takes no name from an ERP customer, and gives none to him", async () => {
    const [first, other, second] = await Promise.all([
      waited(),
      api.call("POST", "/v1/licenses", { body: createLicenseBody(), headers: { prefer: "wait=30" } }),
      waited(),
    ]);
    const numbers = [first, second].map(({ tenant }) => Number(tenant.schema.slice("client_".length)));
    expect(Math.abs((numbers[0] ?? 0) - (numbers[1] ?? 0))).toBe(1);
    expect(other.body.tenant.schema).toMatch(/^tenant_/);
    const listed = await api.call("GET", "/v1/licenses?blueprint=booking&limit=200");
    expect(listed.body.items.every((item: { blueprint: string }) => item.blueprint === "booking")).toBe(true);
  });
});
