import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { CLI } from "./support/command-line.ts";
import { createTestDatabase } from "./support/database.ts";

const apps = fileURLToPath(new URL("../apps", import.meta.url));
const root = await mkdtemp(join(tmpdir(), "tenantry-own-"));
const database = await createTestDatabase();
afterAll(() => rm(root, { recursive: true, force: true }));

async function folder(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(join(root, name), { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(join(root, name, file), content);
  return join(root, name);
}

/** In a process of its own, from a working directory that has nothing of ours. */
async function start(args: readonly string[], blueprints: string) {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      NO_COLOR: "1",
      DATABASE_URL: database.url,
      DATA_DIR: join(root, "data"),
      TENANTRY_BLUEPRINTS: blueprints,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { stdout, stderr, code };
}

const MODULE = `
import { defineBlueprint, type SchemaNaming } from "@tenantry/schema";
import { sql } from "kysely";
import Type from "typebox";
import { TABLE } from "./tables.ts";

const schemaNaming: SchemaNaming = { kind: "sequence", prefix: "task_", digits: 3 };
export const tasks = defineBlueprint({
  name: "tasks",
  schemaNaming,
  migrations: [
    {
      name: "0001_tasks",
      async up(db) {
        await db.schema.createTable(TABLE).addColumn("id", "integer").execute();
        await sql\`create index on tasks (id)\`.execute(db);
      },
    },
  ],
  seed: async () => {},
  parameters: Type.Object({}),
  signIn: false,
});
`;

describe("an installation with blueprints of its own", () => {
  it("takes one in TypeScript out of a folder anywhere, and one of SQL beside it, and says so", async () => {
    await folder("tasks", { "blueprint.ts": MODULE, "tables.ts": `export const TABLE: string = "tasks";` });
    await folder("memos", { "0001_init.up.sql": "create table memos (id int)" });
    const { stdout, stderr, code } = await start([CLI, "doctor"], "./tasks, ./memos");
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/erp at version \S+, 53 tables, ships with Tenantry/);
    expect(stdout).toMatch(/tasks at version 0001_tasks, 1 tables?, from \.\/tasks/);
    expect(stdout).toMatch(/memos at version 0001_init, 1 tables?, from \.\/memos/);
  });

  it.each([
    ["the command line", [CLI, "license", "list"]],
    ["everything in one process", [CLI, "up"]],
    ["the API", [join(apps, "api/src/main.ts")]],
    ["the worker", [join(apps, "worker/src/main.ts")]],
  ])("doesn't start with one that is wrong: %s", async (_, args) => {
    await folder("wrong", { "0001_init.up.sql": "create table t (id int);\n\ncommit;\n" });
    const { stderr, code } = await start(args, "./wrong,./none");
    expect(code).toBe(1);
    expect(stderr).toContain("The blueprints in ./wrong, ./none can't be used.");
    expect(stderr).toContain("wrong/0001_init.up.sql:3: COMMIT … would begin or end a transaction");
    expect(stderr).toContain("./none: there is no such folder");
    expect(stderr).toContain("`tenantry blueprint check ./wrong`");
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("is told where those in TypeScript are wrong, all at once", async () => {
    const asking = "const [row] = await db.selectFrom('x').selectAll().execute(); row; await sql`";
    const wrong: Readonly<Record<string, readonly [module: string, expected: RegExp]>> = {
      syntax: [`${MODULE}\nconst = 1;`, /syntax\/blueprint\.ts:25: Unexpected token/],
      throws: [`${MODULE}\n\nthrow new Error("not today");`, /throws\/blueprint\.ts:26: not today/],
      lacks: [MODULE.replace("./tables.ts", "./gone.ts"), /lacks\/blueprint\.ts: Cannot find .*gone\.ts/],
      exports: ["export const n = 1;", /exports\/blueprint\.ts: exports no blueprint; export one/],
      several: [
        `${MODULE}\nexport const more = tasks;`,
        /several\/blueprint\.ts: exports several blueprints/,
      ],
      prefix: [MODULE.replace("task_", "pg_"), /prefix\/blueprint\.ts: schemaNaming must be/],
      asks: [
        MODULE.replace("await sql`", asking),
        /asks\/blueprint\.ts: migration 0001_tasks .* needs an answer/,
      ],
      both: [MODULE, /both\/0001_a\.up\.sql: would not be read, since there is blueprint\.ts/],
    };
    for (const [name, [module]] of Object.entries(wrong)) {
      await folder(name, { "blueprint.ts": module, "tables.ts": `export const TABLE = "tasks";` });
    }
    await folder("both", { "0001_a.up.sql": "select 1" });
    await folder("elsewhere", { "blueprint.ts": MODULE });
    await symlink("../elsewhere/blueprint.ts", join(await folder("linked", {}), "blueprint.ts"));

    const names = [...Object.keys(wrong), "linked"];
    const { stderr, code } = await start([CLI, "license", "list"], names.join(","));
    expect(code).toBe(1);
    const faults = stderr.split("\n").filter((line) => line.startsWith("  - "));
    expect(faults).toEqual([
      ...Object.values(wrong).map(([, expected]) => expect.stringMatching(expected)),
      expect.stringMatching(/linked\/blueprint\.ts: leads out of the folder/),
    ]);
    expect(stderr).toContain("code  BLUEPRINT_INVALID");
  });
});
