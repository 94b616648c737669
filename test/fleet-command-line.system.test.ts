import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCommand } from "./support/command-line.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";

const folder = await mkdtemp(join(tmpdir(), "tenantry-fleet-cli-"));
afterAll(() => rm(folder, { recursive: true, force: true }));
const database = await createTestDatabase();
const blueprint = join(folder, "memos");
const file = (name: string, content: string) => writeFile(join(blueprint, name), content);
const admin = (text: string) => withAdmin(database.adminUrl, (client) => client.query(text));
const run = (...args: string[]) =>
  runCommand(args, {
    DATABASE_URL: database.url,
    DATA_DIR: join(folder, "data"),
    TENANTRY_BLUEPRINTS: blueprint,
  });
const json = async (...args: string[]) => JSON.parse((await run(...args, "--json")).stdout);

await mkdir(blueprint);
await file(
  "blueprint.json",
  JSON.stringify({ name: "memos", schemaNaming: { kind: "sequence", prefix: "memos_", digits: 3 } }),
);
await file("0001_init.up.sql", "create table memos (id int, body text);\n");
const keys: string[] = [];
for (const client of ["One", "Two", "Three"]) {
  const made = await json("license", "create", "--client", client, "--blueprint", "memos");
  keys.push(made.license.key);
}
await file("0002_pinned.up.sql", "alter table memos add column pinned boolean not null default false;\n");
await file(
  "0003_index.up.sql",
  "-- tenantry: no-transaction\ncreate index concurrently if not exists memos_body on memos (body);\n",
);
await file(
  "0004_short.up.sql",
  "-- tenantry: breaks memo app before 2.4\nalter table memos alter column body type varchar(5);\n",
);

describe("the fleet on the command line", () => {
  let id = "";

  it("tells who is behind", async () => {
    const status = await run("fleet", "status");
    expect(status.code, status.stderr).toBe(0);
    expect(status.stdout).toMatch(/^memos +0004_short +3 +3 +0$/m);
    expect(status.stdout).toMatch(/^memos +default +0001_init +3$/m);
    expect(status.stderr).toContain("tenantry fleet migrate");
    const doctor = await run("doctor");
    expect(doctor.stdout).toContain("tenantry fleet migrate --blueprint memos");
  });

  it("upgrades nobody without a word, nor past a migration that breaks something", async () => {
    const unasked = await run("fleet", "migrate");
    expect([unasked.code, unasked.stderr]).toEqual([1, expect.stringContaining("--yes")]);
    const breaking = await run("fleet", "migrate", "--yes");
    expect(breaking.code).toBe(1);
    expect(breaking.stderr).toContain("0004_short breaks memo app before 2.4");
    expect(breaking.stderr).toContain("--accept-breaking");
    for (const wrong of [
      ["--canary", "0"],
      ["--max-failures", "many"],
      ["--blueprint", "nope"],
    ]) {
      expect((await run("fleet", "migrate", "--yes", ...wrong)).code).toBe(2);
    }
  });

  it("tries it first, tells of the tenant that it would fail for, and changes nothing", async () => {
    await admin("insert into memos_002.memos values (1, 'too long for it')");
    const tried = await run("fleet", "migrate", "--dry-run");
    expect(tried.code).toBe(3);
    expect(tried.stdout).toContain("22001");
    const { sums } = await json("fleet", "migrate", "--dry-run", "--license", keys[0] ?? "");
    expect(sums).toMatchObject([{ tenants: { succeeded: 1, failed: 0 } }]);
    expect((await run("fleet", "migrate", "--sample", "2")).code).toBe(2);
    expect(
      (await json("fleet", "status")).blueprints.find(
        (each: { blueprint: string }) => each.blueprint === "memos",
      ).behind,
    ).toBe(3);
  });

  it("stops at a tenant that fails, and leaves the rest to a resumption", async () => {
    const done = await run("fleet", "migrate", "--yes", "--accept-breaking", "--canary", keys[1] ?? "");
    expect(done.code).toBe(3);
    id = /^Run +(\S+)$/m.exec(done.stdout)?.[1] ?? "";
    expect(done.stdout).toMatch(/^State +paused$/m);
    // What came before the failing migration, and ran outside of its transaction, stays.
    expect(done.stdout).toMatch(/memos_002 +0003_index +1 +MIGRATION_FAILED: .*0004_short/);
    expect(done.stderr).toContain(`tenantry fleet resume ${id}`);
    const status = await run("fleet", "status");
    expect(status.stdout).toMatch(new RegExp(`^${id} +memos +0004_short +paused +0 of 3 +1`, "m"));
    // Nobody waits for one that is paused.
    expect((await run("operation", "watch", id)).code).toBe(3);
    const resumed = await run("fleet", "resume", id);
    expect(resumed.code, resumed.stderr).toBe(3);
    expect(resumed.stdout).toMatch(/^Tenants +3: 2 upgraded, 1 failed$/m);
  });

  it("does the one that failed again, when it is mended", async () => {
    const unmended = await run("operation", "retry", id);
    expect([unmended.code, unmended.stdout]).toEqual([3, expect.stringContaining("2 upgraded, 1 failed")]);
    await admin("update memos_002.memos set body = 'short'");
    const retried = await run("operation", "retry", id);
    expect(retried.code, retried.stderr).toBe(0);
    expect((await json("fleet", "status")).blueprints).toContainEqual(
      expect.objectContaining({ blueprint: "memos", behind: 0, tenants: 3 }),
    );
    const { rows } = await admin(
      "select count(*)::int as n from pg_index where indisvalid and indexrelid::regclass::text like '%memos_body'",
    );
    expect(rows).toEqual([{ n: 3 }]);
    const noop = await run("fleet", "migrate");
    expect([noop.code, noop.stdout]).toEqual([0, expect.stringContaining("No tenant is behind")]);
  });

  it("upgrades one license alone, pauses, and cancels", async () => {
    await file("0005_more.up.sql", "create table more (id int);\n");
    const one = await json("fleet", "migrate", "--license", keys[0] ?? "", "--yes");
    expect(one.figures.tenants).toMatchObject({ total: 1, done: 1 });
    const accepted = await run("fleet", "migrate", "--yes", "--no-wait");
    const run5 = accepted.stdout.trim();
    const paused = await run("fleet", "pause", run5);
    expect([paused.code, paused.stdout]).toEqual([0, expect.stringMatching(/^State +paused$/m)]);
    const canceled = await run("fleet", "cancel", run5);
    expect([canceled.code, canceled.stdout]).toEqual([0, expect.stringMatching(/^State +canceled$/m)]);
    expect((await run("fleet", "pause", run5)).code).toBe(1);
    const { groups } = await json("fleet", "status");
    expect(
      groups.map(({ version, tenants }: { version: string; tenants: number }) => [version, tenants]),
    ).toEqual([
      ["0004_short", 2],
      ["0005_more", 1],
    ]);
  });
});
