import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCommand, runCommandProcess } from "./support/command-line.ts";
import { createTestDatabase } from "./support/database.ts";
import { ADMIN_PASSWORD, createLicenseBody } from "./support/requests.ts";

const directory = await mkdtemp(join(tmpdir(), "tenantry-bulk-"));
const database = await createTestDatabase();

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Stdin is a process's own. */
function tenantry(args: readonly string[], stdin = "") {
  const environment = { DATA_DIR: directory, DATABASE_URL: database.url };
  return args.includes("-") ? runCommandProcess(args, environment, stdin) : runCommand(args, environment);
}

async function file(name: string, content: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

describe("many licenses on the command line", () => {
  const good = [createLicenseBody({ clientName: "One" }), createLicenseBody({ clientName: "Two" })];
  const keys: string[] = [];

  it("are created from JSON Lines; one that is wrong is told, and the exit code says partly done", async () => {
    const items = [...good, createLicenseBody({ clientName: "", adminPassword: "topsecret" })];
    const path = await file("some.jsonl", `${items.map((item) => JSON.stringify(item)).join("\n\n")}\n`);
    const { stdout, stderr, code } = await tenantry(["license", "create-many", path]);
    expect(code, stderr).toBe(3);
    expect(stdout).toMatch(/^Children +3 of 3 done: 2 succeeded, 1 failed$/m);
    expect(stdout).toMatch(/^ +2 .*VALIDATION_FAILED +\/licenses\/2\/clientName /m);
    expect(stdout + stderr).not.toMatch(new RegExp(`${ADMIN_PASSWORD}|topsecret`));
    const id = /^Operation +(\S+)/m.exec(stdout)?.[1] ?? "";
    const shown = await tenantry(["operation", "show", id]);
    expect(shown.stdout).toMatch(/accepted +cli:/);
    expect(shown.stdout).toMatch(/VALIDATION_FAILED/);
    const listed = await tenantry(["operation", "list", "--parent", id, "--state", "succeeded", "--json"]);
    for (const child of JSON.parse(listed.stdout).items) keys.push(child.licenseKey);
    expect(keys).toHaveLength(2);
  });

  it("are created from a JSON array on stdin, told as JSON", async () => {
    const { stdout, code } = await tenantry(
      ["license", "create-many", "-", "--json"],
      JSON.stringify([good[0]], null, 2),
    );
    expect(code).toBe(0);
    const { operation, children } = JSON.parse(stdout);
    expect(operation).toMatchObject({ kind: "create-licenses", children: { total: 1, succeeded: 1 } });
    expect(children).toMatchObject([{ item: 0, state: "succeeded", parentId: operation.id }]);
  });

  it("are suspended by a file of keys, resumed and extended by a filter", async () => {
    const path = await file("keys.txt", `${keys.join("\n")}\n0000-0000-0000-0000\n`);
    const suspended = await tenantry([
      "license",
      "suspend-many",
      "--keys-file",
      path,
      "--reason",
      "Invoice open",
      "--yes",
    ]);
    expect(suspended.code, suspended.stderr).toBe(3);
    expect(suspended.stdout).toMatch(/^ +2 +0000-0000-0000-0000 +failed +LICENSE_NOT_FOUND/m);
    const again = await tenantry([
      "license",
      "suspend-many",
      "--status",
      "suspended",
      "--reason",
      "again",
      "--yes",
    ]);
    expect(again.code).toBe(1);
    expect(again.stdout).toMatch(/STATE_CONFLICT/);
    const resumed = await tenantry(["license", "resume-many", "--status", "suspended", "--yes", "--json"]);
    expect(resumed.code).toBe(0);
    expect(JSON.parse(resumed.stdout).operation.children).toMatchObject({ total: 2, succeeded: 2 });
    const extended = await tenantry(["license", "extend-many", "--q", "One", "--days", "7", "--yes"]);
    expect(extended.code, extended.stderr).toBe(0);
  });

  it.each([
    [["license", "create-many", "/no/such/file"], "", /can't be read/],
    [["license", "create-many", "-"], "", /0 requests/],
    [["license", "create-many", "-"], '{"adminPassword":"topsecret', /line 1 is not valid JSON/],
    [["license", "suspend-many", "--reason", "x", "--yes"], "", /--keys-file, or by --status/],
    [["license", "suspend-many", "--status", "active", "--yes"], "", /--reason is required/],
    [
      ["license", "suspend-many", "--status", "late", "--reason", "x", "--yes"],
      "",
      /--status must be one of/,
    ],
    [["license", "extend-many", "--q", "x", "--days", "soon", "--yes"], "", /--days/],
    [
      ["license", "extend-many", "--keys-file", "-", "--days", "1", "--yes"],
      "A\na\n",
      /key 2 is the same license/,
    ],
    [["license", "suspend-many", "--status", "active", "--reason", "x"], "", /--yes/],
  ])("%j is refused as wrong use", async (args, stdin, says) => {
    const { stdout, stderr, code } = await tenantry(args, stdin);
    expect(stderr).toMatch(says);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).not.toContain("topsecret");
  });
});
