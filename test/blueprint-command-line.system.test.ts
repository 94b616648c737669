import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { runCommand, runCommandProcess } from "./support/command-line.ts";
import { createTestDatabase, withAdmin } from "./support/database.ts";

const EXAMPLE = fileURLToPath(new URL("../examples/notes-saas/blueprint", import.meta.url));
const root = await mkdtemp(join(tmpdir(), "tenantry-blueprint-"));
const database = await createTestDatabase();
const environment = { DATABASE_URL: database.url, DATA_DIR: join(root, "data") };
afterAll(() => rm(root, { recursive: true, force: true }));

const run = (...args: string[]) => runCommand(["blueprint", ...args], environment);

let folders = 0;
async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const path = join(root, `b${folders++}`);
  await mkdir(path);
  for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text);
  return path;
}

/** What a check says of SQL that can be read. */
async function refused(files: Readonly<Record<string, string>>): Promise<string[]> {
  const path = await folder(files);
  const { code, stderr, stdout } = await run("check", path, "--json");
  expect([code, stdout]).toEqual([1, ""]);
  const { error } = JSON.parse(stderr);
  expect(error.code).toBe("BLUEPRINT_INVALID");
  return error.faults.map((fault: string) => fault.replace(`${path}/`, "").replace(`${path}:`, "folder:"));
}

const INIT = { "0001_init.up.sql": "create table notes (id integer primary key, body text);\n" };

describe("tenantry blueprint", () => {
  it("goes from an empty folder to a tenant with the next migration", async () => {
    const path = join(root, "my-notes");
    const made = await run("init", path, "--sign-in");
    expect([made.code, made.stdout]).toEqual([
      0,
      "blueprint.json\nparameters.json\n0001_init.up.sql\nseed.sql\n",
    ]);
    const checked = await run("check", path);
    expect([checked.code, checked.stdout]).toEqual([
      0,
      "my-notes: 1 migration, version 0001_init, 2 tables\n",
    ]);
    expect(checked.stderr).toMatch(/A tenant was made in \d+ ms, and rolled back/);
    expect(checked.stderr).not.toContain("warning");

    const next = await run("new-migration", path, "Add tags!");
    expect(next).toMatchObject({ code: 0, stdout: `${join(path, "0002_add_tags.up.sql")}\n` });
    expect((await run("check", path)).stderr).toContain("0002_add_tags.up.sql: holds no statement");
    await appendFile(join(path, "0002_add_tags.up.sql"), "create table tags (name text primary key);\n");
    const index = await run("new-migration", path, "index", "--no-transaction", "--json");
    const { file } = JSON.parse(index.stdout);
    expect(file).toBe(join(path, "0003_index.up.sql"));
    await appendFile(file, "create index concurrently if not exists notes_at on notes (written_at);\n");
    const again = JSON.parse((await run("check", path, "--json")).stdout);
    expect(again).toMatchObject({ version: "0003_index", migrations: 3, tables: 3, warnings: [] });

    const order = [
      "license",
      "create",
      "--client",
      "Acme",
      "--blueprint",
      "my-notes",
      "--admin",
      "ada",
      "--json",
    ];
    const sold = await runCommand(order, {
      ...environment,
      TENANTRY_BLUEPRINTS: path,
      TENANTRY_ADMIN_PASSWORD: "correct horse",
    });
    expect(sold.code, sold.stderr).toBe(0);
    expect(JSON.parse(sold.stdout).tenant).toMatchObject({ blueprint: "my-notes", version: "0003_index" });

    const first = join(path, "0001_init.up.sql");
    await appendFile(first, "create table late (id int);\n");
    expect((await run("check", path)).stderr).toMatch(
      /0001_init\.up\.sql: migration 0001_init was changed, and tenants have it as it was\n {2}code {2}BLUEPRINT_CHANGED/,
    );
    const list = await runCommand(["license", "list"], { ...environment, TENANTRY_BLUEPRINTS: path });
    expect(list).toMatchObject({ code: 1, stderr: expect.stringContaining("BLUEPRINT_CHANGED") });
    expect(await run("check", path, "--accept")).toMatchObject({ code: 0 });
    expect(await run("check", path)).toMatchObject({ code: 0 });
  });

  it("warns of steps that are dangerous to tenants in use", async () => {
    const path = await folder({
      ...INIT,
      "0002_more.up.sql":
        "create index a on notes (body);\ncreate index b on notes (id);\nalter table notes alter id type bigint;\n",
      "0003_index.up.sql":
        "-- tenantry: no-transaction\ncreate index concurrently if not exists c on notes (body);\n",
    });
    const told = await run("check", path);
    expect(told.code, told.stderr).toBe(0);
    expect(told.stderr).toContain(
      "warning: 0002_more: builds-index: create index a on notes (body)\n  Nobody can write notes while the index is built.\n  And 1 more of this kind in 0002_more.\n  Safer: CREATE INDEX CONCURRENTLY",
    );
    expect(told.stderr).toContain(
      "warning: 0002_more: rewrites-table: alter table notes alter id type bigint",
    );
    expect(told.stderr).not.toContain("0003_index");
    const strict = await run("check", path, "--strict", "--json");
    expect(strict.code).toBe(1);
    expect(JSON.parse(strict.stdout).lint).toHaveLength(3);
    expect(await run("check", await folder(INIT), "--strict")).toMatchObject({ code: 0 });
  });

  it("makes and checks one in TypeScript", async () => {
    const path = join(root, "in-typescript");
    expect(await run("init", path, "--typescript", "--name", "tasks")).toMatchObject({ code: 0 });
    const { stdout, code, stderr } = await runCommandProcess(["blueprint", "check", path], environment);
    expect([code, stdout], stderr).toEqual([0, "tasks: 1 migration, version 0001_init, 1 table\n"]);
    expect(await run("new-migration", path, "more")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("lists its migrations itself"),
    });
    const module = join(path, "blueprint.ts");
    const text = await readFile(module, "utf8");
    const imports = 'import { sql } from "kysely";\nimport Type';
    await writeFile(module, text.replace('"varchar(2000)"', "sql`nonsense`").replace("import Type", imports));
    const wrong = await runCommandProcess(["blueprint", "check", path], environment);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/blueprint\.ts: migration 0001_init: PostgreSQL says: .*nonsense/);
  });

  it("overwrites nothing", async () => {
    const path = await folder({ "notes.txt": "mine" });
    expect(await run("init", path)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("isn't empty"),
    });
    expect(await run("init", join(path, "notes.txt"))).toMatchObject({ code: 2 });
    expect(await run("init", join(root, "Not a name"))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--name"),
    });
    expect(await run("new-migration", join(root, "nowhere"), "x")).toMatchObject({ code: 2 });
    expect(await run("new-migration", path, "../..")).toMatchObject({ code: 2 });
  });

  it("names file and line of what PostgreSQL refuses", async () => {
    expect(
      await refused({
        ...INIT,
        "0002_more.up.sql":
          "-- ملاحظات 😀\ncreate table tags (id int);\n\nalter table nots\n  add column x int;\n",
      }),
    ).toEqual([
      expect.stringMatching(/^0002_more\.up\.sql:4: migration 0002_more: PostgreSQL says: .*nots.*42P01/),
    ]);
    // What only shows when a statement is done has no place in the text: the statement's own line is told.
    expect(
      await refused({
        ...INIT,
        "common-seed.sql": "insert into notes values (1, 'a');\n\ninsert into notes\nvalues (1, 'b');\n",
      }),
    ).toEqual([expect.stringMatching(/^common-seed\.sql:3: the common seed: .*23505/)]);
    expect(
      await refused({ ...INIT, "seed.sql": "select 1;\ninsert into notes values (1, {{license.kye}});" }),
    ).toEqual([expect.stringMatching(/^seed\.sql:2: there is no \{\{license\.kye\}\}/)]);
    expect(
      await refused({
        ...INIT,
        "seed.sql": "select 1;\ninsert into notes values ({{license.clientName}}, 'x');",
      }),
    ).toEqual([expect.stringMatching(/^seed\.sql:2: the seed: .*22P02/)]);
    expect(
      await refused({
        ...INIT,
        "0002_index.up.sql":
          "-- tenantry: no-transaction\ncreate index concurrently if not exists a on notes (body);\n\ncreate index concurrently if not exists b on notes (boody);",
      }),
    ).toEqual([expect.stringMatching(/^0002_index\.up\.sql:4: .*boody/)]);
    expect(
      await refused({
        "0001_init.up.sql": "create table notes (id int);\n-- tenantry: limits",
        "blueprint.json": '{"limits": [{"limit": "users", "table": "people", "activeColumn": null}]}',
      }),
    ).toEqual([expect.stringMatching(/^0001_init\.up\.sql: migration 0001_init: .*"people"/)]);
  });

  it("finds what a tenant would lack, or share with others", async () => {
    expect(await refused({ ...INIT, "blueprint.json": '{"signIn": true}' })).toEqual([
      expect.stringMatching(/^folder: people are to sign in, but table users has no id, username/),
    ]);
    const users = await readFile(join(EXAMPLE, "0001_init.up.sql"), "utf8");
    expect(
      await refused({
        "0001_init.up.sql": users.replace("-- tenantry: limits", ""),
        "blueprint.json": '{"signIn": true}',
        "seed.sql":
          "insert into users (username, password_hash) values ({{admin.username}}, {{admin.passwordHash}})",
      }),
    ).toEqual([expect.stringMatching(/^folder: the seed makes no active user with is_admin/)]);
    expect(
      await refused({
        ...INIT,
        "0002_shared.up.sql": "do $$ begin execute 'create table public.shared (id int)'; end $$;",
      }),
    ).toEqual([expect.stringMatching(/^folder: public\.shared is made outside of the tenant's schema/)]);
  });

  it("warns of what works and is likely to be a mistake", async () => {
    const path = await folder({
      "0001_init.up.sql": `create table notes (id serial primary key, other integer generated by default as identity);
create view all_notes as select * from notes;
create view my_notes with (security_invoker = true) as select * from notes;
create function f() returns int language sql set search_path from current as 'select 1';`,
    });
    const { code, stdout } = await run("check", path, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout).warnings).toEqual([
      expect.stringMatching(/^notes\.id takes its numbers from a sequence/),
      expect.stringMatching(/^view all_notes reads with its owner's rights/),
      expect.stringMatching(/^function f keeps the schema's name/),
    ]);
  });

  it("makes parameters up, and asks for those that it can't", async () => {
    const parameters = {
      type: "object",
      properties: { n: { type: "integer", minimum: 7 }, code: { type: "string", pattern: "^[A-Z]{3}$" } },
      required: ["n", "code"],
    };
    const path = await folder({
      ...INIT,
      "parameters.json": JSON.stringify(parameters),
      "seed.sql": "insert into notes values ({{parameters.n}}, {{parameters.code}})",
    });
    expect(await run("check", path)).toMatchObject({ code: 2, stderr: expect.stringContaining("/code") });
    expect(await run("check", path, "--param", "code=ABC")).toMatchObject({ code: 0 });
  });

  it("leaves nothing behind", async () => {
    await withAdmin(database.adminUrl, async (client) => {
      const { rows } = await client.query(
        "SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE 'check\\_%' UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'check\\_%'",
      );
      expect(rows).toEqual([]);
    });
  });
});
