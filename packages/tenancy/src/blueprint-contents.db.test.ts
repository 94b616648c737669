import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BlueprintFolderError, createBlueprintRegistry, loadBlueprintFolder } from "@tenantry/schema";
import { afterAll, describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../test/support/database.ts";
import { ended, orderLicense } from "../../../test/support/requests.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { recordBlueprints } from "./blueprint-contents.ts";

const root = await mkdtemp(join(tmpdir(), "tenantry-contents-"));
const folder = join(root, "memos");
const database = await createTestDatabase();
const keeper = await openTestInstallation({ databaseUrl: database.url });
const { control } = keeper.ctx;
afterAll(() => rm(root, { recursive: true, force: true }));

await mkdir(folder);
const write = (name: string, text: string) => writeFile(join(folder, `${name}.up.sql`), text);

/** What a process that starts now has to say. */
async function start(): Promise<string[]> {
  const registry = await createBlueprintRegistry([await loadBlueprintFolder(folder)]);
  const error = await recordBlueprints(control, registry).catch((thrown: unknown) => thrown);
  if (error === undefined) return [];
  expect(error).toMatchObject({ code: "BLUEPRINT_CHANGED", hint: expect.stringContaining("new-migration") });
  return (error as BlueprintFolderError).faults.map((fault) => fault.replace(root, ""));
}
const recorded = async () =>
  (await control.selectFrom("blueprint_migrations").select("name").orderBy("name").execute()).map(
    ({ name }) => name,
  );

describe("a blueprint of one's own whose migrations are edited", () => {
  it("may become what it likes while no tenant has them", async () => {
    await write("0001_init", "create table memos (id int)");
    await write("0002_tags", "create table tags (id int)");
    expect(await Promise.all([start(), start(), start()])).toEqual([[], [], []]);
    expect(await recorded()).toEqual(["0001_init", "0002_tags"]);
    await write("0001_init", "create table memos (id int primary key)");
    await rename(join(folder, "0002_tags.up.sql"), join(folder, "0002_words.up.sql"));
    expect(await start()).toEqual([]);
    expect(await recorded()).toEqual(["0001_init", "0002_words"]);
  });

  it("is refused as soon as a tenant has them, until they are back", async () => {
    const installation = await openTestInstallation({
      databaseUrl: database.url,
      blueprints: [await loadBlueprintFolder(folder)],
    });
    const worker = await installation.work();
    const order = { blueprint: "memos", adminUsername: undefined, adminPassword: undefined };
    const { operation } = await orderLicense(installation, order);
    expect(await ended(installation, operation.id)).toMatchObject({ state: "succeeded" });
    await worker.close();

    await write("0003_new", "create table new (id int)");
    expect(await start()).toEqual([]);

    await write("0001_init", "create table memos (id bigint primary key)");
    await rename(join(folder, "0002_words.up.sql"), join(folder, "0002_names.up.sql"));
    await write("0003_new", "create table new (id bigint)");
    const changed = "and tenants have it as it was";
    const faults = [
      `/memos: migration 0002_words is gone or has another name, ${changed}`,
      `/memos/0001_init.up.sql: migration 0001_init was changed, ${changed}`,
    ];
    expect(await start()).toEqual(faults);
    expect(await start()).toEqual(faults);
    await expect(
      openTestInstallation({ databaseUrl: database.url, blueprints: [await loadBlueprintFolder(folder)] }),
    ).rejects.toMatchObject({ code: "BLUEPRINT_CHANGED" });

    await write("0001_init", "-- as it was\ncreate  table memos (id int primary key);\n");
    await rename(join(folder, "0002_names.up.sql"), join(folder, "0002_words.up.sql"));
    expect(await start()).toEqual([]);
  });

  it("may lag behind: a process of the version before starts beside the newer", async () => {
    await control.updateTable("tenants").set({ version: "0003_new" }).execute();
    await rm(join(folder, "0003_new.up.sql"));
    expect(await start()).toEqual([]);
    expect(await recorded()).toEqual(["0001_init", "0002_words", "0003_new"]);
  });
});
