import { ConfigError } from "@tenantry/installation";
import { POOLED_SESSION_SETTINGS } from "@tenantry/schema";
import { withTenant } from "@tenantry/tenancy";
import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { startApi } from "./support/api.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { dedSource } from "./support/legacy-files.ts";
import { migrated } from "./support/legacy-run.ts";
import { hasPgBouncer, startPgBouncer } from "./support/pgbouncer.ts";
import { ADMIN_PASSWORD, createLicenseBody } from "./support/requests.ts";
import { openTestInstallation, queueStores } from "./support/tenantry.ts";
import { type ReadyTenant, readyTenants } from "./support/tenants.ts";

const BUDGET = 16;
const WAIT = { prefer: "wait=60" };

/** The database's URL through a pooler, as its owner. */
async function pooled(database: { url: string; adminUrl: string }, connectQuery?: string): Promise<string> {
  const url = new URL(await startPgBouncer(database.adminUrl, BUDGET, connectQuery));
  const { username, password } = new URL(database.url);
  return Object.assign(url, { username, password }).href;
}

describe.skipIf(!hasPgBouncer)("through a pooler in transaction mode", () => {
  it("nothing starts while the pooler's connections lack the settings, and the error says which to give", async () => {
    const database = await createTestDatabase();
    const opening = openTestInstallation({
      databaseUrl: database.url,
      databasePoolUrl: await pooled(database),
    });
    const error = await opening.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toContain(`connect_query='${POOLED_SESSION_SETTINGS}'`);
    expect((error as ConfigError).message).toMatch(/search_path is .*lock_timeout is 0/);
    const { rows } = await withAdmin(database.adminUrl, (client) =>
      client.query("SELECT nspname FROM pg_namespace WHERE nspname = 'tenantry'"),
    );
    expect(rows).toEqual([]);
  });

  it.each(queueStores())(
    "licenses live their whole life, within the pooler's budget, queue on $name",
    async ({ redisUrl }) => {
      const database = await createTestDatabase();
      const databasePoolUrl = await pooled(database, POOLED_SESSION_SETTINGS);
      const installation = await openTestInstallation({
        databaseUrl: database.url,
        databasePoolUrl,
        redisUrl,
      });
      const { ctx } = installation;
      const api = await startApi(installation);
      await installation.work();

      const [first, second] = await readyTenants(installation, 12);
      if (first === undefined || second === undefined) throw new Error("no tenants");
      const { rows } = await withAdmin(database.adminUrl, (client) =>
        client.query<{ name: string; connections: number }>(
          `SELECT substring(application_name FROM '[a-z]+$') AS name, count(*)::int AS connections
           FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tenantry-test-%' GROUP BY 1`,
        ),
      );
      const open = new Map(rows.map(({ name, connections }) => [name, connections]));
      const throughPooler = ["control", "provisioning", "serving", "tenant"];
      const spent = throughPooler.reduce((sum, name) => sum + (open.get(name) ?? 0), 0);
      expect(spent).toBeLessThanOrEqual(BUDGET);

      const session = await api.call("POST", "/v1/sessions", {
        token: null,
        body: { licenseKey: first.key, username: "admin", password: ADMIN_PASSWORD },
      });
      expect(session.status, session.text).toBe(201);
      const branches = ({ row }: ReadyTenant) =>
        withTenant(ctx, row, async (db) => {
          const found = await sql<{ role: string; schema: string }>`
            select current_user as role, current_schema() as schema from branches`.execute(db);
          return found.rows;
        });
      expect(await branches(first)).toMatchObject([
        { role: first.row.role_name, schema: first.row.schema_name },
      ]);
      expect(await branches(second)).toMatchObject([{ role: second.row.role_name }]);

      const backup = await api.call("POST", `/v1/licenses/${first.key}/backups`, { headers: WAIT });
      expect(backup.body.operation, backup.text).toMatchObject({ state: "succeeded" });
      const restored = await api.call("POST", `/v1/backups/${backup.body.backup.id}/restore`, {
        body: { mode: "replace" },
        headers: WAIT,
      });
      expect(restored.body.operation, restored.text).toMatchObject({ state: "succeeded" });
      expect(await branches(first)).toMatchObject([{ schema: first.row.schema_name }]);

      const source = dedSource({ licenses: [{ file: { rows: { customers: 20 } } }, {}] });
      expect(await migrated(installation, { system: "ded", path: source.folder })).toMatchObject({
        state: "succeeded",
      });

      const deleted = await api.call("DELETE", `/v1/licenses/${second.key}?confirm=${second.key}`, {
        headers: WAIT,
      });
      expect(deleted.body.operation ?? deleted.body, deleted.text).toMatchObject({ state: "succeeded" });
      const created = await api.call("POST", "/v1/licenses", { body: createLicenseBody(), headers: WAIT });
      expect(created.body.tenant, created.text).toMatchObject({ state: "ready" });
      expect(installation.logs.lines.join("\n")).not.toContain(new URL(databasePoolUrl).password);
    },
  );
});
