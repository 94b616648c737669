import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { afterAll, describe, expect, inject, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";

const EXAMPLE = fileURLToPath(new URL("../examples/booking/", import.meta.url));
const dataDir = await mkdtemp(join(tmpdir(), "tenantry-example-"));

afterAll(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

async function run(script: string, environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(EXAMPLE, script)], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATA_DIR: dataDir, NO_COLOR: "1", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { stdout, stderr, code: code as number };
}

/** Processes whose command line names this test's data directory. */
async function leftBehind(): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes(dataDir)) found.push(command.replaceAll("\0", " "));
  }
  return found;
}

const CHECKS = [
  "✓ Each client has a schema of its own",
  "✓ All tables are in each of them",
  "✓ A booking made for client_001 is not there for client_002",
];

function passed(stdout: string): string[] {
  return stdout.split("\n").filter((line) => /^[✓✗]/.test(line));
}

describe.runIf(process.platform === "linux")("the booking example, with nothing running", () => {
  it.each(["first", "second"])("tells its story to the end, the %s time too", async () => {
    const { stdout, stderr, code } = await run("main.ts");
    expect(code, stdout + stderr).toBe(0);
    expect(passed(stdout)).toEqual(CHECKS);
    expect(stdout).toMatch(/POST {3}\/clients\/client_001\/bookings +201 {2}anna takes 09:00/);
    expect(stdout).toMatch(/POST {3}\/clients\/client_001\/bookings +409 {2}pyotr wants 09:30: slot taken/);
    expect(stdout).toMatch(/POST {3}\/clients\/client_002\/bookings +201 {2}pyotr takes 09:00/);
    expect(stdout).toContain("409  with what she saw before: changed meanwhile");
    expect(await leftBehind()).toEqual([]);
  });
});

describe("the booking example, on services of one's own", async () => {
  const database = await createTestDatabase();
  const redisUrl = inject("redisUrl");
  const services = { DATABASE_URL: database.url, ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }) };
  const leave = (statement: string) =>
    withAdmin(database.adminUrl, async (client) => void (await client.query(statement)));

  it("tells its story there, and keeps each client's keys in Redis behind its own prefix", async () => {
    const { stdout, stderr, code } = await run("main.ts", services);
    expect(code, stdout + stderr).toBe(0);
    expect(passed(stdout)).toEqual(CHECKS);
    if (redisUrl === null) return;
    const roles = await withAdmin(database.adminUrl, async (client) => {
      const found = await client.query("SELECT role_name FROM tenantry.tenants ORDER BY schema_name");
      return found.rows.map((row) => row.role_name as string);
    });
    const redis = new Redis(redisUrl);
    try {
      expect(roles).toHaveLength(2);
      for (const role of roles) expect(await redis.get(`${role}:bookings`)).toBe("1");
      expect(await redis.exists("bookings")).toBe(0);
    } finally {
      await redis.quit();
    }
  });

  it("has an audit that passes alone, and leaves nothing of its own behind", async () => {
    const { stdout, stderr, code } = await run("audit.ts", services);
    expect(code, stdout + stderr).toBe(0);
    expect(passed(stdout)).toEqual(CHECKS);
    const left = await withAdmin(database.adminUrl, (client) =>
      client.query(
        "SELECT username FROM client_001.users WHERE user_id < 0 UNION ALL SELECT username FROM client_001.bookings",
      ),
    );
    expect(left.rows).toEqual([]);
  });

  it.each([
    [
      "one client may read the other's bookings",
      "GRANT USAGE ON SCHEMA client_001 TO PUBLIC; GRANT SELECT ON client_001.bookings TO PUBLIC",
      "REVOKE USAGE ON SCHEMA client_001 FROM PUBLIC; REVOKE SELECT ON client_001.bookings FROM PUBLIC",
      "✗ A booking made for client_001 is not there for client_002",
    ],
    [
      "a schema is gone",
      "ALTER SCHEMA client_002 RENAME TO elsewhere",
      "ALTER SCHEMA elsewhere RENAME TO client_002",
      "✗ Each client has a schema of its own",
    ],
    [
      "a table is gone",
      "ALTER TABLE client_002.feedback SET SCHEMA tenantry",
      "ALTER TABLE tenantry.feedback SET SCHEMA client_002",
      "✗ All tables are in each of them",
    ],
  ])("has an audit that fails when %s", async (_, harm, mend, failure) => {
    await leave(harm);
    try {
      const { stdout, code } = await run("audit.ts", services);
      expect(code).toBe(1);
      expect(passed(stdout)).toContain(failure);
    } finally {
      await leave(mend);
    }
  });

  it("has an audit that names a client who isn't there", async () => {
    await leave("DELETE FROM tenantry.tenants WHERE schema_name = 'client_002'");
    const { stderr, code } = await run("audit.ts", services);
    expect(code).toBe(1);
    expect(stderr).toContain("No client of the bot is called client_002");
  });
});
