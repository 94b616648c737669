import { once } from "node:events";
import type { Redis } from "ioredis";
import { Redis as IoRedis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { freePort } from "../../../../test/support/free-port.ts";
import { startRedis } from "../../../../test/support/redis-server.ts";
import { ended, orderLicense } from "../../../../test/support/requests.ts";
import { openTestInstallation, type TestInstallation } from "../../../../test/support/tenantry.ts";
import { checkRedis } from "../doctor/check-redis.ts";
import type { TenantRow } from "../license-view.ts";
import { ensureTenantRedis, removeTenantRedis } from "../tenant-redis.ts";
import { inspectTenantRedis, redisIsolation } from "./isolation.ts";
import { tenantRedis } from "./tenant-redis.ts";
import type { TenantRedisServer } from "./tenant-redis-server.ts";

const sharedUrl = inject("redisUrl");

async function makeTenants(installation: TestInstallation, count: number): Promise<TenantRow[]> {
  const worker = await installation.work();
  const orders = await Promise.all(Array.from({ length: count }, () => orderLicense(installation)));
  for (const { operation } of orders) await ended(installation, operation.id);
  await worker.close();
  return installation.ctx.control.selectFrom("tenants").selectAll().orderBy("id").execute();
}

function serverOf({ ctx }: TestInstallation): TenantRedisServer {
  if (ctx.redis === null) throw new Error("the installation has no Redis");
  return ctx.redis;
}

const connections: Redis[] = [];
function connect(url: string): Redis {
  const redis = new IoRedis(url);
  connections.push(redis);
  return redis;
}
function asTenant(redis: Redis | TenantRedisServer, tenant: TenantRow): Redis {
  const client = tenantRedis(redis, tenant);
  client.on("error", () => undefined);
  connections.push(client);
  return client;
}
/** After each test: a tenant's client that is left open comes back, and its user with it, in the middle of the next. */
function disconnectAll(): void {
  for (const connection of connections.splice(0)) connection.disconnect();
}
afterEach(disconnectAll);

describe.runIf(sharedUrl !== null)("a tenant's Redis client", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url, redisUrl: sharedUrl });
  const admin = new IoRedis(sharedUrl ?? "", { lazyConnect: true });
  afterAll(() => admin.disconnect());
  let one: TenantRow;
  let two: TenantRow;
  let otherKey: string;
  let prefix: string;

  beforeAll(async () => {
    [one, two] = (await makeTenants(installation, 2)) as [TenantRow, TenantRow];
    prefix = `${one.role_name}:`;
    otherKey = `${two.role_name}:secret`;
  });
  beforeEach(() => admin.set(otherKey, "two's own"));

  /** Each command does its work on keys named without the prefix; the keys are then found behind it. */
  const COVERED: [string, (redis: Redis) => Promise<unknown>][] = [
    ["SET and GET", async (redis) => [await redis.set("k", "v"), expect(await redis.get("k")).toBe("v")]],
    ["buffers", (redis) => redis.set(Buffer.from("k"), Buffer.from("v"))],
    ["call()", (redis) => redis.call("SET", "k", "v")],
    ["several keys", (redis) => redis.mset("k", "1", "k2", "2")],
    ["RENAME", async (redis) => [await redis.set("from", "v"), await redis.rename("from", "k")]],
    ["blocking", async (redis) => [await redis.rpush("k", "1", "2"), await redis.blpop("k", 1)]],
    [
      "streams",
      async (redis) => [await redis.xadd("k", "*", "f", "v"), await redis.xread("STREAMS", "k", "0")],
    ],
    ["MULTI", (redis) => redis.multi().set("k", "v").exec()],
    ["pipelines", (redis) => redis.pipeline().set("k", "v").exec()],
    ["keys of a script", (redis) => redis.eval("return redis.call('SET', KEYS[1], 'v')", 1, "k")],
    ["ZUNIONSTORE", async (redis) => [await redis.zadd("z", 1, "m"), await redis.zunionstore("k", 1, "z")]],
    ["HyperLogLog", (redis) => redis.pfadd("k", "1")],
    ["geo", (redis) => redis.geoadd("k", 1, 1, "here")],
    [
      "a command of its own",
      async (redis) => {
        redis.defineCommand("put", { numberOfKeys: 1, lua: "return redis.call('SET', KEYS[1], ARGV[1])" });
        return (redis as Redis & { put(key: string, value: string): Promise<unknown> }).put("k", "v");
      },
    ],
  ];

  describe.each(["the prefix alone", "the tenant's own user"])("with %s", (kind) => {
    it.each(COVERED)("puts every key behind the prefix: %s", async (_, work) => {
      const redis = asTenant(kind === "the prefix alone" ? admin : serverOf(installation), one);
      await work(redis);
      expect(await admin.exists(`${prefix}k`)).toBe(1);
      expect(await admin.keys("k")).toEqual([]);
      await redis.unlink("k", "k2", "z");
    });
  });

  it("with the prefix alone sorts by patterns behind it, with the user not at all", async () => {
    const open = asTenant(admin, one);
    await open.rpush("numbers", "1");
    await open.set("w_1", "mine");
    await admin.set("w_1", "somebody's");
    expect(await open.sort("numbers", "BY", "nosort", "GET", "w_*")).toEqual(["mine"]);
    await expect(asTenant(serverOf(installation), one).sort("numbers")).rejects.toThrow("NOPERM");
    await admin.unlink("w_1");
  });

  it("of two tenants never shows one the other's value under the same name", async () => {
    const [first, second] = [asTenant(serverOf(installation), one), asTenant(serverOf(installation), two)];
    await first.set("greeting", "from one");
    expect(await second.get("greeting")).toBeNull();
    await second.set("greeting", "from two");
    expect(await first.get("greeting")).toBe("from one");
  });

  /** What reaches over the fence: done by the prefix alone, refused to the user. */
  const HOLES: [string, (redis: Redis) => Promise<unknown>][] = [
    ["KEYS", (redis) => redis.keys("*")],
    ["SCAN", (redis) => redis.scan(0)],
    ["RANDOMKEY", (redis) => redis.randomkey()],
    ["DBSIZE", (redis) => redis.dbsize()],
    ["a script's literal key", (redis) => redis.eval(`return redis.call('GET', '${otherKey}')`, 0)],
    ["a script's SCAN", (redis) => redis.eval("return redis.call('SCAN', '0')", 0)],
    ["a script's KEYS", (redis) => redis.eval("return redis.call('KEYS', '*')", 0)],
    ["PUBLISH to another's channel", (redis) => redis.publish(otherKey, "hello")],
    ["a script's PUBLISH", (redis) => redis.eval(`return redis.call('PUBLISH', '${otherKey}', '1')`, 0)],
    ["PUBSUB CHANNELS", (redis) => redis.pubsub("CHANNELS")],
    ["CLIENT LIST", (redis) => redis.client("LIST")],
    ["CLIENT TRACKING of everybody's keys", (redis) => redis.call("CLIENT", "TRACKING", "ON", "BCAST")],
    ["INFO", (redis) => redis.info()],
    ["CONFIG", (redis) => redis.config("GET", "*")],
    ["ACL LIST", (redis) => redis.acl("LIST")],
    ["SLOWLOG", (redis) => redis.slowlog("GET")],
    ["SCRIPT KILL", (redis) => redis.script("KILL").catch(unlessForbidden)],
    ["FUNCTION LIST", (redis) => redis.function("LIST")],
    ["SELECT of another database", (redis) => redis.select(1)],
    ["MOVE to another database", async (redis) => [await redis.set("m", "v"), await redis.move("m", 1)]],
    [
      "COPY to another database",
      async (redis) => [await redis.set("c", "v"), await redis.call("COPY", "c", "c", "DB", "1", "REPLACE")],
    ],
    ["MEMORY STATS", (redis) => redis.memory("STATS")],
    ["LATENCY", (redis) => redis.latency("LATEST")],
  ];

  it.each(HOLES)("with the prefix alone can still do what reaches over it: %s", async (_, work) => {
    await expect(work(asTenant(admin, one))).resolves.toBeDefined();
  });

  it.each(HOLES)("with the tenant's own user is refused: %s", async (_, work) => {
    await expect(work(asTenant(serverOf(installation), one))).rejects.toThrow(
      /NOPERM|No permissions|executing the script can't/,
    );
  });

  it("with the prefix alone hears everybody's channels, with the user its own alone", async () => {
    const open = asTenant(admin, one);
    await open.psubscribe("*");
    const heard = once(open, "pmessage");
    await admin.publish(otherKey, "overheard");
    expect((await heard).at(-1)).toBe("overheard");

    const closed = asTenant(serverOf(installation), one);
    for (const pattern of ["*", `${two.role_name}:*`, `${prefix}x*`]) {
      await expect(closed.psubscribe(pattern)).rejects.toThrow("NOPERM");
    }
    for (const channel of [otherKey, "__keyevent@0__:set"]) {
      await expect(closed.subscribe(channel)).rejects.toThrow("NOPERM");
    }
    await closed.subscribe(`${prefix}news`);
    const message = once(closed, "message");
    await asTenant(serverOf(installation), one).publish(`${prefix}news`, "for one");
    expect(await message).toEqual([`${prefix}news`, "for one"]);
  });

  it("with the user is refused in MULTI and pipelines too, and by a duplicate of it", async () => {
    const redis = asTenant(serverOf(installation), one);
    const results = await redis.pipeline().set("k", "v").dbsize().exec();
    expect(results?.map(([error]) => error?.message.slice(0, 6))).toEqual([undefined, "NOPERM"]);
    await expect(redis.multi().set("k", "v").dbsize().exec()).rejects.toThrow("EXECABORT");
    const copy = redis.duplicate();
    connections.push(copy);
    expect(await copy.set("from-copy", "v")).toBe("OK");
    expect(await admin.exists(`${prefix}from-copy`)).toBe(1);
    await expect(copy.keys("*")).rejects.toThrow("NOPERM");
  });

  it("comes back to its own database after it was refused another", async () => {
    const redis = asTenant(serverOf(installation), one);
    await expect(redis.select(1)).rejects.toThrow("NOPERM");
    const back = once(redis, "ready");
    await admin.client("KILL", "USER", one.role_name);
    await back;
    expect(await redis.set("k", "v")).toBe("OK");
    expect(await admin.exists(`${prefix}k`)).toBe(1);
  });

  it("lets a wrong prefix on the client reach nothing", async () => {
    const careless = asTenant(serverOf(installation), one).duplicate({ keyPrefix: "" });
    connections.push(careless);
    await expect(careless.get(otherKey)).rejects.toThrow("NOPERM");
    expect(await careless.get(`${prefix}nothing`)).toBeNull();
  });

  describe("asked for every command that the server has", async () => {
    /** Name no key and no channel, and show and change nothing of anybody else's. */
    const HARMLESS = new Set(
      // AUTH, HELLO, QUIT and RESET are everybody's: Redis doesn't let them be forbidden.
      "auth hello quit reset ping echo time client|id client|getname client|setname multi exec discard unwatch unsubscribe punsubscribe sunsubscribe script|load script|exists lolwut".split(
        " ",
      ),
    );
    const commands = sharedUrl === null ? [] : await allCommands(admin);

    it("gives it those without a key only that are harmless", async () => {
      const allowed: string[] = [];
      for (const { name, arity, movable, specs, categories } of commands) {
        if (specs.length > 0 || movable || categories.includes("@pubsub")) continue;
        if (
          await isAllowed(
            name,
            Array.from({ length: Math.abs(arity) - name.split("|").length }, () => "1"),
          )
        )
          allowed.push(name);
      }
      expect(allowed.filter((name) => !HARMLESS.has(name))).toEqual([]);
      expect(allowed).toContain("ping");
    });

    it("refuses it those with a key when the key is another's", async () => {
      const args = (key: string, arity: number, name: string): string[] =>
        Array.from({ length: Math.max(4, Math.abs(arity)) - name.split("|").length }, () => key);
      let reached = 0;
      for (const { name, arity, movable, specs, categories } of commands) {
        if (specs.length === 0 || movable || categories.includes("@pubsub")) continue;
        const fixed =
          arity > 0 ? (key: string) => args(key, arity, name).slice(0, arity - name.split("|").length) : null;
        const fill = (key: string): string[] => fixed?.(key) ?? args(key, arity, name);
        if (!(await isAllowed(name, fill(`${prefix}own`)))) continue;
        reached += 1;
        expect([name, await isAllowed(name, fill(otherKey))]).toEqual([name, false]);
      }
      expect(reached).toBeGreaterThan(100);
    });

    const MOVABLE: string[][] = [
      ["EVAL", "return 1", "1", "KEY"],
      ["EVALSHA", "0".repeat(40), "1", "KEY"],
      ["XREAD", "STREAMS", "KEY", "0"],
      ["XREADGROUP", "GROUP", "g", "c", "STREAMS", "KEY", "0"],
      ["ZUNION", "1", "KEY"],
      ["ZUNIONSTORE", "OWN", "1", "KEY"],
      ["ZINTERSTORE", "KEY", "1", "OWN"],
      ["SINTERCARD", "1", "KEY"],
      ["LMPOP", "1", "KEY", "LEFT"],
      ["BLMPOP", "1", "1", "KEY", "LEFT"],
      ["GEORADIUS", "OWN", "1", "1", "1", "km", "STORE", "KEY"],
      ["BITOP", "NOT", "KEY", "OWN"],
      ["OBJECT", "ENCODING", "KEY"],
      ["MEMORY", "USAGE", "KEY"],
      ["XGROUP", "CREATE", "KEY", "g", "0"],
    ];
    it.each(MOVABLE)("refuses another's key wherever it stands: %s %s %s %s", async (...words) => {
      const filled = (key: string): string[] =>
        words.map((word) => (word === "KEY" ? key : word === "OWN" ? `${prefix}own` : word)).filter(Boolean);
      const [name = "", ...args] = filled(otherKey);
      expect(await isAllowed(name, args)).toBe(false);
      expect(await isAllowed(name, filled(`${prefix}own`).slice(1))).toBe(true);
    });

    async function isAllowed(name: string, args: readonly string[]): Promise<boolean> {
      return (await admin.acl("DRYRUN", one.role_name, ...(name.split("|") as [string]), ...args)) === "OK";
    }
  });

  it("passes the doctor's look, which finds what somebody has widened", async () => {
    const server = serverOf(installation);
    expect(await redisIsolation(server)).toMatchObject({ usersAllowed: true });
    expect(await inspectTenantRedis(server, one)).toEqual({ user: "right" });
    await admin.acl("SETUSER", one.role_name, "~*", "+@all", "nopass", "-get");
    const found = await inspectTenantRedis(server, one);
    expect(found).toMatchObject({
      user: "wrong",
      faults: expect.arrayContaining([
        "it needs no password",
        "it reaches ~*",
        "it may not GET its own",
        "it may FLUSHALL",
        "it may SET somebody-else:key value",
      ]),
    });
    const mends = (await checkRedis(installation.ctx, [one, two])).flatMap(({ detail, fix }) =>
      detail.includes(one.role_name) ? [fix] : [],
    );
    expect(mends).toHaveLength(1);
    await mends[0]?.apply();
    expect(await inspectTenantRedis(server, one)).toEqual({ user: "right" });
    await admin.acl("DELUSER", one.role_name);
    expect(await inspectTenantRedis(server, one)).toEqual({ user: "missing" });
  });

  it("stays connected, and subscribed, when its user is made sure of again", async () => {
    const redis = asTenant(serverOf(installation), one);
    await redis.subscribe(`${prefix}steady`);
    const ends: unknown[] = [];
    redis.on("close", () => ends.push("closed"));
    for (let again = 0; again < 20; again++) await ensureTenantRedis(installation.ctx, one);
    const message = once(redis, "message");
    await admin.publish(`${prefix}steady`, "still here");
    expect((await message)[1]).toBe("still here");
    expect(ends).toEqual([]);
  });

  it("leaves no password where Redis shows one", async () => {
    await admin.config("SET", "slowlog-log-slower-than", "0");
    await ensureTenantRedis(installation.ctx, one);
    await admin.config("SET", "slowlog-log-slower-than", "10000");
    const password = serverOf(installation).password(one);
    const seen = JSON.stringify([await admin.slowlog("GET", 1_000), await admin.acl("LIST")]);
    expect(seen).toContain(one.role_name);
    expect(seen).not.toContain(password);
    expect(installation.logs.lines.join("")).not.toContain(password);
  });

  it("ends with its tenant: user, keys and connections go, and nothing comes back", async () => {
    const redis = asTenant(serverOf(installation), two);
    await redis.mset(Object.fromEntries(Array.from({ length: 2_500 }, (_, n) => [`n${n}`, "v"])));
    // Named so that a pattern that isn't escaped, or too short, would take it too.
    const bystanders = [`${one.role_name}:k`, `x${otherKey}`, two.role_name, `${two.role_name}x:k`];
    for (const key of bystanders) await admin.set(key, "stays");
    const closed = once(redis, "close");
    await installation.ctx.control
      .updateTable("tenants")
      .set({ state: "deleting" })
      .where("id", "=", two.id)
      .execute();
    await removeTenantRedis(installation.ctx, two);
    await closed;
    expect(await admin.keys(`${two.role_name}:*`)).toEqual([]);
    expect(await admin.exists(bystanders)).toBe(bystanders.length);
    const making = vi.spyOn(serverOf(installation), "makeUser");
    await expect(redis.set("again", "v")).rejects.toMatchObject({ code: "TENANT_NOT_READY" });
    expect(making, "not even for a moment").not.toHaveBeenCalled();
    making.mockRestore();
    await expect(ensureTenantRedis(installation.ctx, two)).rejects.toMatchObject({
      code: "TENANT_NOT_READY",
    });
    expect(await admin.acl("GETUSER", two.role_name)).toBeNull();
    await removeTenantRedis(installation.ctx, two);
    await admin.unlink(...bystanders);
  });
});

const installed = await startRedis();
await installed?.stop();

describe.runIf(installed !== null)("a Redis of its own kind", () => {
  it("that forgets its users in a restart gets them back with the next connection", async () => {
    const port = await freePort();
    const settings = ["--requirepass", "the administrator's"];
    let redisServer = await startRedis(settings, port);
    const url = `redis://:${encodeURIComponent("the administrator's")}@127.0.0.1:${port}`;
    const { installation, tenant } = await tenantOn(url);
    const redis = asTenant(serverOf(installation), tenant);
    await redis.set("before", "v");
    const lost = once(redis, "close");
    await redisServer?.stop();
    await lost;
    redisServer = await startRedis(settings, port);
    expect(await redis.set("after", "v")).toBe("OK");
    expect(await inspectTenantRedis(serverOf(installation), tenant)).toEqual({ user: "right" });
    await finish(installation, redisServer);
  });

  it("with a password for everybody else keeps a tenant from becoming anybody else", async () => {
    const redisServer = await startRedis(["--requirepass", "secret"]);
    const url = (redisServer?.url ?? "").replace("redis://", "redis://:secret@");
    const { installation, tenant } = await tenantOn(url);
    expect(await redisIsolation(serverOf(installation))).toEqual({
      usersAllowed: true,
      defaultUserOpen: false,
      aclFile: null,
    });
    expect(await checkRedis(installation.ctx, [tenant])).toMatchObject([{ severity: "ok" }]);
    const redis = asTenant(serverOf(installation), tenant);
    await expect(redis.call("AUTH", "default", "guess")).rejects.toThrow("WRONGPASS");
    await redis.call("RESET");
    await expect(redis.call("GET", "x")).rejects.toThrow("NOAUTH");
    await finish(installation, redisServer);
  });

  it("without a password lets anybody out of a tenant's user, and the doctor can say so", async () => {
    const redisServer = await startRedis();
    const { installation, tenant } = await tenantOn(redisServer?.url ?? "");
    expect(await redisIsolation(serverOf(installation))).toMatchObject({ defaultUserOpen: true });
    expect(await checkRedis(installation.ctx, [tenant])).toMatchObject([
      { severity: "problem", detail: expect.stringContaining("needs no password") },
    ]);
    const redis = asTenant(serverOf(installation), tenant);
    await expect(redis.dbsize()).rejects.toThrow("NOPERM");
    await redis.call("RESET");
    expect(await redis.dbsize()).toBeGreaterThanOrEqual(0);
    await finish(installation, redisServer);
  });

  it("that knows no ACL leaves the prefix, says so once, and stops no tenant", async () => {
    const redisServer = await startRedis(["--rename-command", "ACL", "", "--requirepass", "secret"]);
    const { installation, tenant } = await tenantOn(
      (redisServer?.url ?? "").replace("redis://", "redis://:secret@"),
    );
    expect(tenant.state).toBe("ready");
    const redis = asTenant(serverOf(installation), tenant);
    await redis.set("k", "v");
    expect(await serverOf(installation).admin.get(`${tenant.role_name}:k`)).toBe("v");
    const copy = redis.duplicate();
    connections.push(copy);
    expect(await copy.get("k")).toBe("v");
    expect(
      installation.logs.withMessage("Redis allows no ACL users: tenants have the key prefix alone"),
    ).toHaveLength(1);
    expect(await redisIsolation(serverOf(installation))).toMatchObject({ usersAllowed: false });
    expect(await inspectTenantRedis(serverOf(installation), tenant)).toEqual({ user: "unknown" });
    expect(await checkRedis(installation.ctx, [tenant])).toMatchObject([
      { severity: "problem", detail: expect.stringContaining("no ACL users") },
    ]);
    await installation.ctx.control.updateTable("tenants").set({ state: "deleting" }).execute();
    await removeTenantRedis(installation.ctx, tenant);
    expect(await serverOf(installation).admin.exists(`${tenant.role_name}:k`)).toBe(0);
    await finish(installation, redisServer);
  });

  it("whose login may not manage users leaves the prefix too", async () => {
    const redisServer = await startRedis();
    const admin = connect(redisServer?.url ?? "");
    await admin.acl("SETUSER", "worker", "on", ">pw", "~*", "&*", "+@all", "-acl");
    const { installation, tenant } = await tenantOn(
      (redisServer?.url ?? "").replace("redis://", "redis://worker:pw@"),
    );
    const redis = asTenant(serverOf(installation), tenant);
    expect(await redis.set("k", "v")).toBe("OK");
    expect(await redisIsolation(serverOf(installation))).toMatchObject({ usersAllowed: false });
    await finish(installation, redisServer);
  });

  it("used through another database than 0 keeps tenants to that one", async () => {
    const redisServer = await startRedis();
    const { installation, tenant } = await tenantOn(`${redisServer?.url}/3`);
    const redis = asTenant(serverOf(installation), tenant);
    await redis.set("k", "v");
    expect(await serverOf(installation).admin.get(`${tenant.role_name}:k`)).toBe("v");
    await expect(redis.select(0)).rejects.toThrow("NOPERM");
    await finish(installation, redisServer);
  });

  async function tenantOn(redisUrl: string) {
    const database = await createTestDatabase();
    const installation = await openTestInstallation({ databaseUrl: database.url, redisUrl });
    const [tenant] = await makeTenants(installation, 1);
    if (tenant === undefined) throw new Error("no tenant was made");
    return { installation, tenant };
  }

  /** Connections first: a server that is away would be looked for for the rest of the file. */
  async function finish(installation: TestInstallation, redisServer: { stop(): Promise<void> } | null) {
    disconnectAll();
    await installation.close();
    await redisServer?.stop();
  }
});

interface ServerCommand {
  readonly name: string;
  readonly arity: number;
  readonly movable: boolean;
  readonly categories: readonly string[];
  readonly specs: readonly unknown[];
}

/** Every command and subcommand, as COMMAND tells of them; https://redis.io/docs/latest/commands/command/ */
async function allCommands(admin: Redis): Promise<ServerCommand[]> {
  type Reply = [string, number, string[], number, number, number, string[], string[], unknown[], Reply[]];
  const flatten = ([name, arity, flags, , , , categories, , specs, subcommands]: Reply): ServerCommand[] =>
    subcommands.length > 0
      ? subcommands.flatMap(flatten)
      : [{ name, arity, movable: flags.includes("movablekeys"), categories, specs }];
  return ((await admin.call("COMMAND")) as Reply[]).flatMap(flatten);
}

/** For commands that fail for reasons of their own when they are let through. */
function unlessForbidden(error: Error): string {
  if (/NOPERM/.test(error.message)) throw error;
  return error.message;
}
