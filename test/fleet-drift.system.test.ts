import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import { orderRestore } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { startApi } from "./support/api.ts";
import { runCommand } from "./support/command-line.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { perform, performedBackup, performedLicense } from "./support/perform.ts";
import { CALLER } from "./support/restores.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [erp, booking] });
const environment = { DATABASE_URL: database.url, DATA_DIR: installation.backupDirectory };
const api = await startApi(installation);
const run = (...args: string[]) => runCommand(["fleet", ...args], environment);
const sql = (text: string) => withAdmin(database.url, (client) => client.query(text));
const schemaOf = (key: string): string => `tenant_${key.toLowerCase().replaceAll("-", "_")}`;

describe("tenantry fleet drift", () => {
  it("finds the shipped blueprints' tenants as they should be, mends one, and tells what it leaves", async () => {
    const key = await performedLicense(installation, {});
    const telegram = { blueprint: "booking", adminUsername: undefined, adminPassword: undefined };
    await performedLicense(installation, { ...telegram, parameters: { adminTelegramId: 5550001 } });
    expect(await run("drift")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "2 tenants examined: 2 clean.\n",
    });

    await sql(
      `DROP INDEX ${schemaOf(key)}.${await someIndex(schemaOf(key))}; CREATE TABLE ${schemaOf(key)}.mine (id int)`,
    );
    const found = await run("drift", "--blueprint", "erp");
    expect(found.code).toBe(3);
    expect(found.stdout).toMatch(new RegExp(`^${key} {2}${schemaOf(key)} {2}erp \\S+ {2}drifted\n`));
    expect(found.stdout).toMatch(/missing {2}INDEX \w+, --fix makes it\n {11}expected CREATE INDEX/);
    expect(found.stdout).toContain("extra    table mine\n");
    expect(found.stderr).toContain("--fix can mend 1 difference.");

    expect(await run("drift", "--fix")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("NOT_CONFIRMED"),
    });
    const answer = await api.call("GET", `/v1/licenses/${key}/drift`);
    expect([answer.status, answer.body.state, answer.body.differences.length]).toEqual([200, "drifted", 2]);
    expect(await api.call("GET", "/v1/licenses/NOPE-NOPE-NOPE-NOPE/drift")).toMatchObject({ status: 404 });
    const fixed = await run("drift", "--fix", "--yes", "--json");
    const lines = fixed.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect([fixed.code, lines.length]).toEqual([3, 2]);
    expect(lines[0]).toMatchObject({
      licenseKey: key,
      state: "partly-fixed",
      differences: [{ kind: "table", object: "mine", state: "extra", fixable: false }],
      fixed: [{ kind: "index", state: "missing" }],
    });
    expect(lines[1]).toEqual({
      examined: 2,
      tenants: { clean: 1, drifted: 0, fixed: 0, "partly-fixed": 1, failed: 0 },
    });
    await sql(`DROP TABLE ${schemaOf(key)}.mine`);
    expect(await run("drift", "--license", key)).toMatchObject({ code: 0 });
    expect(await run("drift", "--license", "NOPE-NOPE-NOPE-NOPE")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("LICENSE_NOT_FOUND"),
    });
    expect(await run("drift", "--yes")).toMatchObject({ code: 2 });

    const backup = await performedBackup(installation, key);
    const restore = await orderRestore(installation.ctx, { id: backup.id, mode: "replace" }, CALLER);
    expect(await perform(installation, restore.answer.operation.id)).toMatchObject({ kind: "succeeded" });
    expect(await run("drift", "--license", key)).toMatchObject({ code: 0, stdout: "" });
  });

  it("rehearses nothing where nobody is behind", async () => {
    expect(await run("migrate", "--dry-run")).toMatchObject({
      code: 0,
      stderr: "No tenant is behind its blueprint.\n",
    });
    expect(await run("migrate", "--dry-run", "--sample", "0")).toMatchObject({ code: 2 });
  });
});

async function someIndex(schema: string): Promise<string> {
  const { rows } = await sql(
    `SELECT index.relname AS name FROM pg_index AS place JOIN pg_class AS index ON index.oid = indexrelid
     WHERE index.relnamespace = '${schema}'::regnamespace AND NOT indisunique ORDER BY 1 LIMIT 1`,
  );
  return rows[0].name;
}
