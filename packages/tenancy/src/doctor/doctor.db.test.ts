import type { Pool } from "@tenantry/schema";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { ADMIN_PASSWORD, acceptLicense, ended, orderLicense } from "../../../../test/support/requests.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import type { Caller } from "../idempotency.ts";
import type { TenantRow } from "../license-view.ts";
import { MAX_FAILURES } from "../lockout.ts";
import { placementOf } from "../placement.ts";
import { signIn } from "../sign-in.ts";
import { tenantGateway } from "../tenant-connection.ts";
import { examineInstallation } from "./examine-installation.ts";
import { examineLicense } from "./examine-license.ts";
import type { Finding } from "./finding.ts";
import { jobEntry, operationsInNeed } from "./operations-in-need.ts";
import { tenantTables } from "./tenant-tables.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const { ctx, queues } = installation;
const worker = await installation.work();
const caller: Caller = { actor: "cli:test", apiKeyId: null, idempotency: null };
const provisioning: Pool = (await placementOf(ctx, { placement: "default" })).provisioning;

const announce = async (id: string): Promise<void> => {
  const entry = await jobEntry(ctx, id);
  if (entry !== null) await queues.ensureEnqueued(entry);
};
const examine = (licenseKey: string, username: string | null = null): Promise<Finding[]> =>
  examineLicense(ctx, { licenseKey, username, caller, announce });
const problemsOf = async (licenseKey: string, username: string | null = null): Promise<string[]> =>
  (await examine(licenseKey, username))
    .filter(({ severity }) => severity === "problem")
    .map(({ check }) => check);
const asAdmin = (statement: string) => withAdmin(database.adminUrl, (client) => client.query(statement));

async function mend(licenseKey: string): Promise<void> {
  for (const { fix } of await examine(licenseKey)) await fix?.apply();
}

describe("the doctor", () => {
  let key: string;
  let tenant: TenantRow;

  beforeAll(async () => {
    const { license, operation } = await orderLicense(installation);
    await ended(installation, operation.id);
    key = license.key;
    tenant = await ctx.control
      .selectFrom("tenants")
      .selectAll()
      .where("schema_name", "=", `tenant_${key.toLowerCase().replaceAll("-", "_")}`)
      .executeTakeFirstOrThrow();
  });

  it("finds nothing wrong where nothing is", async () => {
    expect(await problemsOf(` ${key.toLowerCase()} `)).toEqual([]);
    const findings = await examineInstallation(ctx, { caller, announce });
    expect(findings.filter(({ severity }) => severity === "problem")).toEqual([]);
  });

  it("knows an unknown license from an unknown user from a locked one", async () => {
    expect(await problemsOf("NOPE-NOPE-NOPE-NOPE")).toEqual(["license"]);
    expect(await problemsOf(key, "nobody")).toEqual(["user"]);
    expect(await problemsOf(key, "admin")).toEqual([]);
    for (let attempt = 0; attempt < MAX_FAILURES; attempt++) {
      const wrong = { licenseKey: key, username: "admin", password: `not ${ADMIN_PASSWORD}`, ttlMs: 1_000 };
      await signIn(ctx, wrong).catch(() => undefined);
    }
    expect(await problemsOf(key, "admin")).toEqual(["lockout"]);
  });

  it("gives the role back what it lost", async () => {
    await asAdmin(`REVOKE USAGE ON SCHEMA ${tenant.schema_name} FROM ${tenant.role_name}`);
    const { login, keeper } = tenantGateway(ctx, tenant);
    await provisioning.query(
      `BEGIN; SET LOCAL ROLE ${keeper}; REVOKE ${tenant.role_name} FROM ${login}; COMMIT`,
    );
    expect(await problemsOf(key)).toEqual(["role", "role"]);
    await mend(key);
    expect(await problemsOf(key)).toEqual([]);
  });

  it("makes a lost role again", async () => {
    await asAdmin(`DROP OWNED BY ${tenant.role_name}; DROP ROLE ${tenant.role_name}`);
    expect(await problemsOf(key)).toEqual(["role"]);
    await mend(key);
    expect(await problemsOf(key)).toEqual([]);
    expect(await tenantTables(ctx, tenant)).toContainEqual({ name: "roles", rows: 3 });
  });

  it("finds rights that a tenant must not have, and leaves them to people", async () => {
    await asAdmin(`GRANT USAGE ON SCHEMA tenantry TO ${tenant.role_name}`);
    const findings = (await examine(key)).filter(({ severity }) => severity === "problem");
    expect(findings).toMatchObject([{ check: "role", detail: expect.stringContaining("schema tenantry") }]);
    expect(findings[0]?.fix).toBeUndefined();
    await asAdmin(`REVOKE USAGE ON SCHEMA tenantry FROM ${tenant.role_name}`);
  });

  it("finds a tenant behind its blueprint, and tables that are gone", async () => {
    const { license, operation, tenant: other } = await orderLicense(installation);
    await ended(installation, operation.id);
    await provisioning.query(`DELETE FROM ${other.schema}.kysely_migration WHERE name LIKE '0011%'`);
    await provisioning.query(`DROP TABLE ${other.schema}.campaigns CASCADE`);
    expect(await problemsOf(license.key)).toEqual(["version", "tables"]);
    await provisioning.query(`ALTER SCHEMA ${other.schema} RENAME TO elsewhere`);
    expect(await problemsOf(license.key)).toEqual(["schema"]);
    await asAdmin(`CREATE SCHEMA ${other.schema}`);
    expect(await problemsOf(license.key)).toEqual(["schema"]);
  });

  it("retries what failed", async () => {
    const { license, operation, tenant: other } = await acceptLicense(installation);
    await provisioning.query(`CREATE SCHEMA ${other.schema}`);
    await announce(operation.id);
    expect(await ended(installation, operation.id)).toMatchObject({ state: "failed" });
    expect(await problemsOf(license.key)).toEqual(["tenant", "schema"]);
    const failed = await examineInstallation(ctx, { caller, announce });
    expect(failed.filter(({ check }) => check === "failures")).toMatchObject([{ fix: { asks: true } }]);
    await provisioning.query(`DROP SCHEMA ${other.schema}`);
    await mend(license.key);
    await ended(installation, operation.id);
    expect(await problemsOf(license.key)).toEqual([]);
  });
});

it("names the operations that need a job: those that wait, and those whose worker is silent", async () => {
  const { license, operation } = await acceptLicense(installation);
  const need = async (): Promise<string[]> =>
    (await operationsInNeed(ctx, { licenseKey: license.key, limit: 10 })).map(({ id }) => id);
  const set = (assignments: string) =>
    provisioning.query(`UPDATE tenantry.operations SET ${assignments} WHERE id = '${operation.id}'`);
  await ended(installation, operation.id);
  // It would take up what is made to look forsaken.
  await worker.close();
  expect(await need()).toEqual([]);
  // Never enqueued, and its worker gone: the case that nothing but its heartbeat tells.
  await set(
    "state = 'running', finished_at = NULL, enqueued_at = NULL, heartbeat_at = now() - interval '1 hour'",
  );
  expect(await need()).toEqual([operation.id]);
  await set("heartbeat_at = now()");
  expect(await need()).toEqual([]);
  await set("state = 'queued', available_at = now() - interval '1 hour'");
  expect(await need()).toEqual([operation.id]);
});
