import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { compileBlueprint, compileSeed } from "../blueprint/compile.ts";
import type { SeedInput } from "../blueprint/define.ts";
import { erp } from "../blueprints/erp/index.ts";
import { BlueprintFolderError } from "./folder-error.ts";
import { loadBlueprints } from "./load-blueprints.ts";
import { loadBlueprintFolder } from "./load-folder.ts";

const root = await mkdtemp(join(tmpdir(), "tenantry-blueprints-"));
afterAll(() => rm(root, { recursive: true, force: true }));

let folders = 0;
async function folder(files: Readonly<Record<string, string | Buffer>>, name = "notes"): Promise<string> {
  const path = join(root, String(folders++), name);
  await mkdir(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text);
  return path;
}

/** What is wrong, without the folder's own path. */
async function faultsOf(path: string): Promise<string[]> {
  const error = await loadBlueprintFolder(path).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(BlueprintFolderError);
  const { faults, message, hint } = error as BlueprintFolderError;
  for (const fault of faults) expect(message).toContain(fault);
  expect(hint).toContain(`tenantry blueprint check ${path}`);
  return faults.map((fault) => fault.replace(`${path}/`, "").replace(`${path}:`, "folder:"));
}

const INIT = "create table notes (id integer generated always as identity primary key, body text);\n";
const SEED: SeedInput = {
  license: {
    key: "7QKD-M3ZT-0V5H-XA2P",
    clientName: "O'Brien \\ {{license.key}}; drop table notes; --",
    email: null,
    phone: null,
    company: null,
    maxUsers: 5,
    maxBranches: 2,
  },
  admin: { username: "admin", passwordHash: "$argon2id$v=19$x" },
  parameters: { title: "$$'; --", colors: ["red"], flag: true, lines: "a\ndrop table notes;" },
};

describe("a folder of SQL", () => {
  it("is a blueprint of its migrations in order, named like the folder unless it says otherwise", async () => {
    const path = await folder({
      "0002_tags.up.sql": "create table tags (id int)",
      "0001_init.up.sql": `\uFEFF-- first\r\n${INIT.replaceAll("\n", "\r\n")}`,
      "README.md": "mine",
      "package.json": "{ not json",
    });
    const blueprint = await loadBlueprintFolder(path);
    expect(blueprint).toMatchObject({
      name: "notes",
      signIn: false,
      schemaNaming: { kind: "license-key", prefix: "tenant_" },
      source: path,
    });
    const { migrations, version } = await compileBlueprint(blueprint);
    expect(migrations).toEqual([
      { name: "0001_init", sql: `-- first\n${INIT}\n;\n` },
      { name: "0002_tags", sql: "create table tags (id int)\n;\n" },
    ]);
    expect(version).toBe("0002_tags");
  });

  it("fills a license's values into its seed as literals, and each once", async () => {
    const path = await folder({
      "0001_init.up.sql": INIT,
      "blueprint.json": '{"signIn": true}',
      "parameters.json": JSON.stringify({
        type: "object",
        properties: { title: { type: "string" }, colors: { type: "array" }, flag: {}, absent: {}, lines: {} },
      }),
      "seed.sql": [
        "-- {{parameters.lines}} and {{license.nonsense}} are a comment",
        "insert into notes (body) values ({{license.clientName}}), ({{parameters.title}}), ({{ license.email }});",
        "insert into t values ({{parameters.colors}}::jsonb, {{parameters.flag}}, {{parameters.absent}},{{license.maxUsers}});",
        "select 'x'{{admin.passwordHash}};",
      ].join("\n"),
    });
    const script = await compileSeed(await loadBlueprintFolder(path), SEED);
    expect(script.split("\n").slice(0, 4)).toEqual([
      "-- {{parameters.lines}} and {{license.nonsense}} are a comment",
      "insert into notes (body) values (  E'O''Brien \\\\ {{license.key}}; drop table notes; --' ), ( '$$''; --' ), ( NULL );",
      `insert into t values ( '["red"]' ::jsonb,  'true' ,  NULL , '5' );`,
      "select 'x' '$argon2id$v=19$x' ;",
    ]);
  });

  it("holds the license's limits where a migration says so", async () => {
    const path = await folder({
      "0001_init.up.sql": `${INIT}-- tenantry: limits\n`,
      "blueprint.json": '{"limits": [{"limit": "users", "table": "notes", "activeColumn": null}]}',
    });
    const blueprint = await loadBlueprintFolder(path);
    expect((await compileBlueprint(blueprint)).createScript).toContain(
      "create trigger tenantry_limit_insert",
    );
    expect(await compileSeed(blueprint, SEED)).toBe(
      `insert into "tenantry_limits" ("name", "maximum") values ('users', '5')\n;\n`,
    );
  });

  it("makes an index without CONCURRENTLY in a new tenant, and keeps it for tenants in use", async () => {
    const index = "create index concurrently if not exists notes_body on notes (body)";
    const path = await folder({
      "0001_init.up.sql": INIT,
      "0002_index.up.sql": `-- tenantry: no-transaction\n${index};\n`,
    });
    const blueprint = await loadBlueprintFolder(path);
    const [, second] = (await compileBlueprint(blueprint)).migrations;
    expect(second?.sql).toBe("create index if not exists notes_body on notes (body)\n;\n");
    expect(blueprint.migrations[1]?.outsideTransaction).toEqual([index]);
  });

  it("names every place that is wrong, file and line", async () => {
    const path = await folder({
      "0001_init.up.sql": `${INIT}\n\ncommit;\nselect 'open`,
      "0003_gap.up.sql": "-- tenantry: no-such-thing\nselect 1",
      "0003_twice.up.sql": "-- nothing\n",
      "4_short.up.sql": "select 1",
      "0001_init.down.sql": "drop table notes",
      "common-seed.sql": "insert into notes (body)\nvalues ({{license.key}})",
      "seed.sql":
        "insert into notes (body)\nvalues ({{license.kye}}),\n('{{license.key}}'), ('{{1},{2}}'), ('{{a}}')\n, ({{our-title}})",
      "blueprint.json": '{\n  "name": "Notes",\n  "color": 1\n}',
      "parameters.json": '{"type": "array"}',
    });
    expect(await faultsOf(path)).toEqual([
      expect.stringMatching(/^0001_init.down.sql: would never be run/),
      expect.stringMatching(/^0001_init.up.sql:4: COMMIT … would begin or end a transaction/),
      expect.stringMatching(/^0001_init.up.sql:5: a string.* begins here and never ends/),
      expect.stringMatching(/^0003_gap.up.sql: leaves a gap: the next number is 0002/),
      expect.stringMatching(/^0003_gap.up.sql:1: Tenantry knows no "no-such-thing"/),
      expect.stringMatching(/^0003_twice.up.sql: has the same number as 0003_gap.up.sql/),
      expect.stringMatching(/^0003_twice.up.sql: holds no statement/),
      expect.stringMatching(/^4_short.up.sql: is not named like a migration, such as/),
      expect.stringMatching(/^blueprint.json:2: "name" must be lower-case/),
      expect.stringMatching(/^blueprint.json:3: "color" is not known; there are name, /),
      expect.stringMatching(
        /^common-seed.sql:2: \{\{license.key\}\} differs .* put this statement into seed.sql/,
      ),
      expect.stringMatching(/^parameters.json:1: must be the JSON Schema of an object/),
      expect.stringMatching(/^seed.sql:2: there is no \{\{license.kye\}\}, only license.key, /),
      expect.stringMatching(/^seed.sql:3: \{\{license.key\}\} stands between quotes/),
      expect.stringMatching(/^seed.sql:4: there is no \{\{our-title\}\}/),
    ]);
  });

  it("is refused when its limits and its migrations disagree", async () => {
    const limits = '{"limits": [{"limit": "users", "table": "users", "activeColumn": null}]}';
    const without = await folder({ "0001_init.up.sql": INIT, "blueprint.json": limits });
    expect(await faultsOf(without)).toEqual([expect.stringMatching(/^blueprint.json: names limits, but no/)]);
    const marked = await folder({ "0001_init.up.sql": `${INIT}-- tenantry: limits` });
    expect(await faultsOf(marked)).toEqual([expect.stringMatching(/^0001_init.up.sql: .* needs "limits"/)]);
  });

  it("is refused when a file leads out of it, is no text, or isn't there", async () => {
    const path = await folder({ "0001_init.up.sql": Buffer.from([0xff, 0xfe, 0x41]) });
    await writeFile(join(path, "..", "secret.sql"), INIT);
    await symlink("../secret.sql", join(path, "0002_link.up.sql"));
    await symlink("nowhere", join(path, "0003_lost.up.sql"));
    await symlink("nowhere", join(path, ".#0001_init.up.sql"));
    await mkdir(join(path, "seed.sql"));
    expect(await faultsOf(path)).toEqual([
      "0001_init.up.sql: is not UTF-8",
      expect.stringMatching(/^0002_link.up.sql: leads out of the folder/),
      expect.stringMatching(/^0003_lost.up.sql: is a link to what isn't there/),
      "seed.sql: is not a file",
    ]);
    expect(await faultsOf(join(root, "none"))).toEqual(["folder: there is no such folder"]);
    expect(await faultsOf(join(path, "0001_init.up.sql"))).toEqual(["folder: it is no folder"]);
    expect(await faultsOf(await folder({}))).toEqual([expect.stringMatching(/^folder: it has no migration/)]);
  });

  it("may be a link itself, and hold links to its own files", async () => {
    const path = await folder({ "first.txt": INIT });
    await symlink("first.txt", join(path, "0001_init.up.sql"));
    await symlink(path, join(root, "linked"));
    expect((await loadBlueprintFolder(join(root, "linked"))).migrations).toHaveLength(1);
  });

  it("is refused for JSON that is none, with its line", async () => {
    const path = await folder({
      "0001_init.up.sql": INIT,
      "blueprint.json": '{\n  "name": "a"\n  "signIn": true }',
    });
    expect(await faultsOf(path)).toEqual([expect.stringMatching(/^blueprint.json:3: is not JSON/)]);
  });
});

describe("the blueprints of an installation", () => {
  it("are those that ship with it, and those of its folders", async () => {
    const one = await folder({ "0001_init.up.sql": INIT }, "one");
    const two = await folder({ "0001_init.up.sql": INIT }, "two");
    const names = (await loadBlueprints([erp], [one, two])).map(({ name }) => name);
    expect(names).toEqual(["erp", "one", "two"]);
  });

  it("have each its own name and numbers, and all that is wrong is told at once", async () => {
    const numbered = (name: string) => ({
      "0001_init.up.sql": INIT,
      "blueprint.json": JSON.stringify({ name, schemaNaming: { kind: "sequence", prefix: "n_", digits: 3 } }),
    });
    const taken = await folder({ "0001_init.up.sql": INIT }, "erp");
    const one = await folder(numbered("one"));
    const two = await folder(numbered("two"));
    const wrong = await folder({ "0001_init.up.sql": "commit" });
    const error = await loadBlueprints([erp], [taken, one, two, wrong]).catch((thrown: unknown) => thrown);
    expect((error as BlueprintFolderError).faults).toEqual([
      `${taken}: the name is taken by erp, which ships with Tenantry; choose another`,
      `${two}: the prefix of its schemas is that of one in ${one}; choose another`,
      expect.stringContaining(`${wrong}/0001_init.up.sql:1: COMMIT`),
    ]);
  });
});
