import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCommand, runCommandProcess } from "./support/command-line.ts";
import { createTestDatabase } from "./support/database.ts";

const folder = await mkdtemp(join(tmpdir(), "tenantry-backup-cli-"));
const BACKUP_KEY = randomBytes(32).toString("base64");
afterAll(() => rm(folder, { recursive: true, force: true }));

async function installationOf(name: string, environment: Record<string, string> = {}) {
  const { url } = await createTestDatabase();
  const its = {
    DATABASE_URL: url,
    DATA_DIR: join(folder, name),
    BACKUP_KEY,
    TENANTRY_ADMIN_PASSWORD: "correct horse battery",
    ...environment,
  };
  // What streams to stdout needs one of its own.
  return (...args: string[]) =>
    args[1] === "export" && !args.includes("-o") ? runCommandProcess(args, its) : runCommand(args, its);
}

type Run = Awaited<ReturnType<typeof installationOf>>;

async function json(run: Run, ...args: string[]) {
  const done = await run(...args, "--json");
  expect(done.code, done.stderr).toBe(0);
  return JSON.parse(done.stdout);
}

async function sold(run: Run): Promise<string> {
  const created = await json(run, "license", "create", "--client", "Acme", "--admin", "boss");
  return created.license.key;
}

describe("backups on the command line", async () => {
  const here = await installationOf("here");
  const key = await sold(here);

  it("are made, shown, proven and brought back", async () => {
    const { backup, operation } = await json(here, "backup", "create", key.toLowerCase());
    expect(operation).toMatchObject({ kind: "backup", state: "succeeded" });
    expect(backup).toMatchObject({ licenseKey: key, state: "ready", encrypted: true });
    const listed = await json(here, "backup", "list", "--license", key);
    expect(listed.items).toHaveLength(1);
    const shown = await here("backup", "show", backup.id);
    expect(shown.stdout).toContain(key);
    expect(shown.stdout).toMatch(/^Verified +never$/m);
    expect((await here("backup", "verify", backup.id, "--quick")).code).toBe(0);
    const verified = await here("backup", "verify", backup.id);
    expect(verified.code, verified.stderr).toBe(0);
    expect((await json(here, "backup", "show", backup.id)).verifiedAt).toEqual(expect.any(String));

    const unasked = await here("backup", "restore", backup.id, "--replace");
    expect([unasked.code, unasked.stderr]).toEqual([1, expect.stringContaining("--yes")]);
    const replaced = await here("backup", "restore", backup.id, "--replace", "--yes");
    expect(replaced.code, replaced.stderr).toBe(0);
    const { items } = await json(here, "backup", "kept", "list");
    expect(items).toEqual([expect.objectContaining({ licenseKey: key })]);
    expect((await here("backup", "kept", "drop", items[0].id, "--yes")).code).toBe(0);
    const copied = await here("backup", "restore", backup.id, "--copy", "--license", "copy-0000-0000-0001");
    expect(copied.code, copied.stderr).toBe(0);
    expect((await here("license", "check", "COPY-0000-0000-0001")).code).toBe(0);
  });

  it("go to another installation that has the key, and to no other", async () => {
    const { backup } = await json(here, "backup", "create", key);
    const file = join(folder, "customer.tar");
    const exported = await here("backup", "export", backup.id, "-o", file);
    expect(exported.code, exported.stderr).toBe(0);
    expect((await here("backup", "export", backup.id, "-o", file)).code).toBe(2);
    expect((await readdir(folder)).filter((name) => name.includes("partial"))).toEqual([]);

    const stranger = await installationOf("stranger", { BACKUP_KEY: randomBytes(32).toString("base64") });
    const refused = await stranger("backup", "import", file, "--json");
    expect(refused.code).toBe(1);
    expect(refused.stdout + refused.stderr).toMatch(/BACKUP_NOT_TRUSTED|BACKUP_KEY_MISSING/);

    const there = await installationOf("there");
    const flipped = await readFile(file);
    flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] ?? 0) ^ 1;
    await writeFile(join(folder, "flipped.tar"), flipped);
    expect((await there("backup", "import", join(folder, "flipped.tar"))).stderr).toContain("BACKUP_CORRUPT");
    const imported = await json(there, "backup", "import", file);
    const restored = await there("backup", "restore", imported.id, "--copy", "--license", key);
    expect(restored.code, restored.stderr).toBe(0);
    expect((await there("license", "check", key)).code).toBe(0);
  });

  it("are plain SQL for whoever asks for it", async () => {
    const { backup } = await json(here, "backup", "create", key);
    const { stdout, code } = await here("backup", "export", backup.id, "--format", "sql");
    expect(code).toBe(0);
    expect(stdout).toContain("CREATE SCHEMA");
    expect((await here("backup", "export", backup.id, "--json")).code).toBe(2);
  });

  it.concurrent.each([
    [["backup", "create"], "Nothing was named"],
    [["backup", "create", "A", "--all"], "--all excludes KEY"],
    [["backup", "create", "A", "B", "a"], "key 3 is the same license as key 1"],
    [["backup", "restore", "x"], "--replace or --copy"],
    [["backup", "restore", "x", "--replace", "--copy"], "--replace or --copy"],
    [["backup", "restore", "x", "--replace", "--license", "AAAA-BBBB-CCCC-DDDD"], "is for --copy alone"],
    [["backup", "verify", "x", "--quick", "--no-wait"], "Leave --no-wait away"],
    [["backup", "import", "/nowhere/x.tar"], "can't be read (ENOENT)"],
    [["backup", "import", folder], "can't be read (EISDIR)"],
    [["license", "delete", "x", "--erase", "--no-wait"], "Leave --no-wait away"],
    [["tenant", "move", "x"], "Give --to PLACEMENT"],
    [["restore-all"], "Give --from"],
    [["restore-all", "--from", "https://store.example"], "--from must be file://"],
  ])("tells what is wrong with %j, and does nothing", async (args, said) => {
    const { code, stderr } = await here(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
  });

  it("are gone for good when a license is erased", async () => {
    const erased = await sold(here);
    const { backup } = await json(here, "backup", "create", erased);
    const done = await here("license", "delete", erased, "--erase", "--yes");
    expect(done.code, done.stderr).toBe(0);
    expect((await json(here, "backup", "show", backup.id)).state).toBe("gone");
    expect((await here("backup", "restore", backup.id, "--copy")).code).toBe(1);
  });
});
