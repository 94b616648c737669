import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { buildErp } from "../examples/erp/service.ts";
import { createTestDatabase } from "./support/database.ts";
import { ADMIN_PASSWORD, ended, orderLicense } from "./support/requests.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const MAIN = fileURLToPath(new URL("../examples/erp/main.ts", import.meta.url));
const dataDir = await mkdtemp(join(tmpdir(), "tenantry-erp-"));

afterAll(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

interface Customer {
  readonly key: string;
  readonly token: string;
}

async function run(environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN], {
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

function expectStory(stdout: string): void {
  expect(stdout).toContain("409  USER_LIMIT_REACHED: The license allows 3 users, and there would be 4.");
  expect(stdout).toContain("409  BRANCH_LIMIT_REACHED: The license allows 1 branch, and there would be 2.");
  expect(stdout).toMatch(/GET \/license +200 {2}4 of 4 users/);
  expect(stdout).toMatch(/GET \/users, \d{1,3} ms later +403 {2}LICENSE_SUSPENDED/);
  expect(stdout).toMatch(/GET \/users, \d{1,3} ms later +200 {2}admin, cashier, storekeeper, accountant/);
  expect(stdout).not.toContain("expected");
}

describe.runIf(process.platform === "linux")("the ERP example, with nothing running", () => {
  it.each(["first", "second"])("tells its story to the end, the %s time too", async () => {
    const { stdout, stderr, code } = await run();
    expect(code, stdout + stderr).toBe(0);
    expectStory(stdout);
    const running = await Promise.all(
      (await readdir("/proc"))
        .filter((name) => /^\d+$/.test(name))
        .map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
    );
    expect(running.filter((command) => command.includes(dataDir))).toEqual([]);
  });
});

describe("the ERP example, on services of one's own", async () => {
  const database = await createTestDatabase();
  const redisUrl = inject("redisUrl");

  it("tells its story there", async () => {
    const services = { DATABASE_URL: database.url, ...(redisUrl === null ? {} : { REDIS_URL: redisUrl }) };
    const { stdout, stderr, code } = await run(services);
    expect(code, stdout + stderr).toBe(0);
    expectStory(stdout);
  });
});

describe("the ERP's service", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url });
  let erp: FastifyInstance;
  let one: Customer;
  let two: Customer;

  beforeAll(async () => {
    await installation.work();
    erp = await buildErp(installation);
    const sell = async (): Promise<Customer> => {
      const { license, operation } = await orderLicense(installation, { maxUsers: 3, maxBranches: 1 });
      await ended(installation, operation.id);
      const answer = await erp.inject({
        method: "POST",
        url: "/sign-in",
        payload: { licenseKey: license.key, username: "admin", password: ADMIN_PASSWORD },
      });
      return { key: license.key, token: answer.json().token };
    };
    [one, two] = await Promise.all([sell(), sell()]);
  });
  afterAll(() => erp.close());

  const call = (token: string, method: "GET" | "POST", url: string, payload?: object) =>
    erp.inject({ method, url, headers: { authorization: `Bearer ${token}` }, ...(payload && { payload }) });
  const user = (username: string) => ({
    username,
    fullName: username,
    email: `${username}@example.com`,
    password: "long enough",
  });

  it("lets ten add users at once, and has no more than the license allows", async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => call(one.token, "POST", "/users", user(`user${n}`))),
    );
    const statuses = answers.map(({ statusCode }) => statusCode);
    expect(statuses.filter((status) => status === 201)).toHaveLength(2);
    for (const answer of answers.filter(({ statusCode }) => statusCode !== 201)) {
      expect([answer.statusCode, answer.json().code]).toEqual([409, "USER_LIMIT_REACHED"]);
    }
    expect((await call(one.token, "GET", "/users")).json()).toHaveLength(3);
    expect((await call(two.token, "GET", "/users")).json()).toHaveLength(1);
  });

  it("signs in whom it has added, who isn't an administrator and adds nobody", async () => {
    expect((await call(two.token, "POST", "/users", user("cashier"))).statusCode).toBe(201);
    expect((await call(two.token, "POST", "/users", user("cashier"))).statusCode).toBe(409);
    const signedIn = await erp.inject({
      method: "POST",
      url: "/sign-in",
      payload: { licenseKey: two.key, username: "cashier", password: "long enough" },
    });
    const { token } = signedIn.json();
    expect((await call(token, "GET", "/branches")).json()).toMatchObject([{ code: "MAIN" }]);
    const refused = await call(token, "POST", "/users", user("friend"));
    expect([refused.statusCode, refused.json().code]).toEqual([403, "FORBIDDEN"]);
  });
});
