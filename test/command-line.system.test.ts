import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { runCommand, runCommandProcess, startCommand } from "./support/command-line.ts";
import { createTestDatabase } from "./support/database.ts";

const VERIFY = fileURLToPath(new URL("../examples/offline-check/verify.mjs", import.meta.url));
const dataDir = await mkdtemp(join(tmpdir(), "tenantry-cli-"));

afterAll(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

/** Everything embedded, whatever services the suite itself runs on. */
const ENVIRONMENT = { DATA_DIR: dataDir, PORT: "0" };

const start = (args: readonly string[]) => startCommand(args, ENVIRONMENT);
const run = (args: readonly string[], environment: Record<string, string> = {}) =>
  runCommandProcess(args, { ...ENVIRONMENT, ...environment });

/** Processes whose command line or working directory names this test's data directory. */
async function leftBehind(): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes(dataDir)) found.push(command.replaceAll("\0", " "));
  }
  return found;
}

describe.runIf(process.platform === "linux")("the command line, with nothing installed", () => {
  it.each(["first", "second"])(
    "tells the whole story in a demo, the %s time too, and leaves nothing behind",
    async () => {
      const { stdout, stderr, code } = await run(["demo"]);
      expect(code, stderr).toBe(0);
      const summary = stdout.trimEnd().split("\n").slice(-5);
      const key = /^License Key: {6}([0-9A-Z-]{19})$/.exec(summary[1] ?? "")?.[1] ?? "";
      const schema = `tenant_${key.toLowerCase().replaceAll("-", "_")}`;
      expect(summary).toEqual([
        "License created successfully!",
        `License Key:      ${key}`,
        `Tenant Database:  Created (schema ${schema}, 53 tables)`,
        expect.stringMatching(/^Default Data: {5}Initialized \(3 roles, 1 branch, 1 admin, \d+ accounts\)$/),
        "Login:            admin signed in",
      ]);
      expect(await leftBehind()).toEqual([]);
    },
  );

  it("creates, shows and lists licenses and operations, as text and as JSON", async () => {
    const created = await run(["license", "create", "--client", "Acme", "--admin", "boss", "--json"], {
      TENANTRY_ADMIN_PASSWORD: "correct horse battery",
    });
    expect(created.code, created.stderr).toBe(0);
    const { license, operation } = JSON.parse(created.stdout);
    expect(operation.state).toBe("succeeded");
    const shown = await run(["license", "show", license.key]);
    expect(shown.stdout).toContain("Acme");
    const listed = JSON.parse((await run(["operation", "list", "--json"])).stdout);
    expect(listed.items[0]).toMatchObject({ id: operation.id, licenseKey: license.key });
    const healthy = await run(["doctor", license.key]);
    expect(healthy.code, healthy.stdout + healthy.stderr).toBe(0);
    expect(await leftBehind()).toEqual([]);
  });

  it("names every fault of the environment at once, and starts nothing", async () => {
    const { code, stderr } = await run(["up"], { PORT: "x", LOG_LEVEL: "loud", SESSION_TTL: "never" });
    expect(code).not.toBe(0);
    for (const name of ["PORT", "LOG_LEVEL", "SESSION_TTL"]) expect(stderr).toContain(name);
    expect(await leftBehind()).toEqual([]);
  });

  it("stays up until it is told to stop, does what its curl line says, and drains", async () => {
    const up = start(["up"]);
    const lines: string[] = [];
    for await (const line of createInterface({ input: up.stdout })) {
      lines.push(line);
      if (line.startsWith("curl")) break;
    }
    const printed = lines.join("\n");
    const [, url = ""] = /API +(http:\S+)/.exec(printed) ?? [];
    const curl = /^curl .*$/m.exec(printed)?.[0] ?? "";
    const order = spawn("sh", ["-c", curl.replace("-sS", "-sS -H 'Prefer: wait=30'")]);
    const { operation, tenant } = JSON.parse(await text(order.stdout));
    expect(operation.state).toBe("succeeded");
    expect(tenant.state).toBe("ready");
    // Beside it, another command works on the same installation.
    const shown = await run(["operation", "show", operation.id, "--json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ operation: { state: "succeeded" } });

    const key = /API key +(\S+)/.exec(printed)?.[1] ?? "";

    const [licenseFile, keysFile] = [join(dataDir, "license.json"), join(dataDir, "keys.json")];
    const rotated = JSON.parse((await run(["certificate-key", "rotate", "--json"])).stdout);
    await writeFile(licenseFile, (await run(["license", "certificate", operation.licenseKey])).stdout);
    await writeFile(keysFile, (await run(["certificate-key", "export"])).stdout);
    const verified = spawn(process.execPath, [VERIFY, licenseFile, keysFile]);
    expect(JSON.parse(await text(verified.stdout))).toMatchObject({ result: "valid" });
    const keys = await run(["certificate-key", "list"]);
    expect(keys.stdout).toContain(`${rotated.id}  signs`);
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const body = JSON.stringify({ clientName: "Last", adminUsername: "a", adminPassword: "12345678" });
    const last = await fetch(`${url}/v1/licenses`, { method: "POST", headers, body });
    const { operation: accepted } = (await last.json()) as { operation: { id: string } };
    const exited = once(up, "exit");
    up.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
    expect(await leftBehind()).toEqual([]);
    const after = await run(["operation", "watch", accepted.id, "--json"]);
    expect(after.code, after.stderr).toBe(0);
  });

  it("goes on after kill -9 of everything", async () => {
    const up = start(["up"]);
    const exited = once(up, "exit");
    for await (const line of createInterface({ input: up.stdout })) if (line.startsWith("curl")) break;
    const [postmaster] = (await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8")).split("\n");
    up.kill("SIGKILL");
    process.kill(Number(postmaster), "SIGKILL");
    await exited;
    const listed = await run(["license", "list", "--json"]);
    expect(listed.code, listed.stderr).toBe(0);
    expect(JSON.parse(listed.stdout).items.length).toBeGreaterThan(2);
  });
});

describe("a command", async () => {
  const { url } = await createTestDatabase();
  const ordinary = { DATABASE_URL: url, DATA_DIR: join(dataDir, "ordinary") };
  const run = (args: readonly string[], environment: Record<string, string> = {}) =>
    runCommand(args, { ...ordinary, ...environment });

  it("takes a license through its life, and shows who did what and why", async () => {
    const created = await run(
      ["license", "create", "--client", "Beta", "--admin", "b", "--no-wait", "--json"],
      {
        TENANTRY_ADMIN_PASSWORD: "correct horse battery",
      },
    );
    const { key, expiresAt } = JSON.parse(created.stdout).license;
    const verb = async (name: string, ...options: string[]) => {
      const done = await run(["license", name, key, ...options, "--json"]);
      expect(done.code, done.stderr).toBe(0);
      return JSON.parse(done.stdout);
    };
    expect(await verb("suspend", "--reason", "Invoice 4711")).toMatchObject({ status: "suspended" });
    const checked = await run(["license", "check", key]);
    expect(checked.code).toBe(1);
    expect(checked.stdout).toContain("Invoice 4711");
    const ailing = await run(["doctor", key]);
    expect(ailing.stdout + ailing.stderr).toContain(`tenantry license resume ${key}`);
    expect(await verb("resume", "--reason", "paid")).toMatchObject({ status: "active" });
    expect(await verb("deactivate")).toMatchObject({ status: "inactive" });
    expect(await verb("activate")).toMatchObject({ status: "active" });
    const extended = await verb("extend", "--days", "7");
    expect(Date.parse(extended.expiresAt) - Date.parse(expiresAt)).toBe(7 * 86_400_000);
    const updated = await verb(
      "update",
      "--max-users",
      "5",
      "--email",
      "b@beta.example",
      "--clear",
      "expires",
    );
    expect(updated).toMatchObject({ maxUsers: 5, email: "b@beta.example", expiresAt: null });
    expect(await verb("check")).toMatchObject({ valid: true, daysRemaining: null });

    const listed = await run(["license", "events", key]);
    expect(listed.stdout).toMatch(/resumed +cli:\S+ +status suspended → active.* paid/);
    expect(listed.stdout).toContain("maxUsers 1 → 5");
    const shown = await run(["license", "show", key]);
    expect(shown.stdout).toContain("maxUsers 1 → 5");
    const types = JSON.parse((await run(["license", "show", key, "--json"])).stdout).events;
    expect(types.map(({ type }: { type: string }) => type)).toEqual([
      "changed",
      "extended",
      "activated",
      "deactivated",
      "resumed",
    ]);
    const refused = await run(["license", "extend", key, "--days", "7"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("STATE_CONFLICT");
  });

  it("creates a client of the booking bot without a password, and finds him sound", async () => {
    const order = ["license", "create", "--client", "Студия", "--blueprint", "booking"];
    const created = await run([...order, "--param", "adminTelegramId=9700000001", "--json"]);
    expect(created.code, created.stderr).toBe(0);
    const { license, tenant } = JSON.parse(created.stdout);
    expect(tenant).toMatchObject({ schema: "client_001", state: "ready" });
    const shown = await run(["license", "show", license.key]);
    expect(shown.stdout).toContain("client_001");
    const healthy = await run(["doctor", license.key]);
    expect(healthy.code, healthy.stdout + healthy.stderr).toBe(0);
    const refused = await run([...order, "--param", "adminTelegramId=me", "--admin", "boss"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("--param adminTelegramId must be integer");
    expect(refused.stderr).toContain("--admin is not known to blueprint booking");
  });

  it("measures what the server has room for", async () => {
    const measured = await run(["doctor", "--capacity"]);
    expect(measured.code, measured.stdout + measured.stderr).toBe(0);
    expect(measured.stdout).toMatch(/room for [\d,]+ locks/);
    expect(measured.stdout).toMatch(/of blueprint \w+, each about \d+ relations/);
  });

  it("deletes a license after a yes, tells where its backup is, and finds all well afterwards", async () => {
    const created = await run(["license", "create", "--client", "Gone", "--admin", "boss", "--json"], {
      TENANTRY_ADMIN_PASSWORD: "correct horse battery",
    });
    const { key } = JSON.parse(created.stdout).license;
    const unasked = await run(["license", "delete", key, "--json"]);
    expect(unasked).toMatchObject({ code: 1, stdout: "" });
    expect(JSON.parse(unasked.stderr.trim().split("\n").at(-1) ?? "").error.code).toBe("NOT_CONFIRMED");
    const deleted = await run(["license", "delete", key.toLowerCase(), "--yes", "--json"]);
    expect(deleted.code, deleted.stderr).toBe(0);
    const { state, result } = JSON.parse(deleted.stdout);
    expect(state).toBe("succeeded");
    const stored = await readdir(join(ordinary.DATA_DIR, "backups", "tenants", key));
    expect(stored).toEqual([expect.stringContaining(result.backup.backupId)]);
    const healthy = await run(["doctor", key]);
    expect(healthy.code, healthy.stdout + healthy.stderr).toBe(0);
    expect(healthy.stdout).toContain(result.backup.backupId);
  });

  it.each([
    [["nothing"], 2],
    [["license", "create"], 2],
    [["license", "create", "--client", "A", "--admin", "a", "--max-users", "0"], 2],
    [["license", "show", "0000-0000-0000-0000"], 1],
    [["license", "delete"], 2],
    [["license", "delete", "0000-0000-0000-0000", "--yes"], 1],
    [["operation", "show", "nonsense"], 1],
    [["license", "suspend", "0000-0000-0000-0000"], 2],
    [["license", "suspend", "0000-0000-0000-0000", "--reason", "x"], 1],
    [["license", "extend", "0000-0000-0000-0000", "--days", "1.5"], 2],
    [["license", "update", "0000-0000-0000-0000"], 2],
    [["license", "update", "0000-0000-0000-0000", "--clear", "client"], 2],
    [["license", "update", "0000-0000-0000-0000", "--email", "a@b.example", "--clear", "email"], 2],
    [["license", "check", "0000-0000-0000-0000"], 1],
    [["doctor", "--capacity", "--isolation"], 2],
    [["doctor", "--capacity", "0000-0000-0000-0000"], 2],
    [["--help"], 0],
    [["license", "create", "--help"], 0],
  ])("ends %j with %d", async (args, expected) => {
    const { code } = await run(args, { TENANTRY_ADMIN_PASSWORD: "correct horse battery" });
    expect(code).toBe(expected);
  });
});
