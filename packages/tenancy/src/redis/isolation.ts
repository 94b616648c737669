import type { Redis } from "ioredis";
import { type RedisTenantRef, tenantKeyPrefix } from "../tenant-redis.ts";
import { isAclRefusal } from "./reply-error.ts";
import type { TenantRedisServer } from "./tenant-redis-server.ts";

/** What the server does for the tenants' isolation. Null where it doesn't let us ask. */
export interface RedisIsolation {
  /** False: tenants have the key prefix alone. */
  readonly usersAllowed: boolean;
  /** True: whoever connects without a password, or sends RESET, may do whatever the default user may. */
  readonly defaultUserOpen: boolean | null;
  /** An aclfile to load users from. ACL LOAD drops ours, which are made again at their next connection. */
  readonly aclFile: string | null;
}

/** How one tenant's ACL user stands. `missing` is no fault: it is made when the tenant next connects. */
export type TenantRedisStanding =
  | { readonly user: "right" | "missing" | "unknown" }
  /** Each fault a sentence: what it may do and mustn't, or must and may not. */
  | { readonly user: "wrong"; readonly faults: readonly string[] };

/**
 * @throws the driver's error when Redis is away.
 */
export async function redisIsolation(server: TenantRedisServer): Promise<RedisIsolation> {
  const { admin } = server;
  const self = await unlessRefused(admin.acl("WHOAMI"));
  const mayMakeUsers =
    self === null ? null : await unlessRefused(admin.acl("DRYRUN", self, "ACL", "SETUSER", "somebody"));
  const standard = await readUser(admin, "default");
  const configured = await unlessRefused(admin.config("GET", "aclfile"));
  return {
    usersAllowed: mayMakeUsers === "OK",
    defaultUserOpen:
      typeof standard === "string"
        ? null
        : standard.flags.includes("on") && standard.flags.includes("nopass"),
    aclFile: (Array.isArray(configured) && String(configured[1] ?? "")) || null,
  };
}

/**
 * Compares a tenant's ACL user with what it should be, and asks Redis what it would be let do. Changes nothing.
 *
 * @throws the driver's error when Redis is away.
 */
export async function inspectTenantRedis(
  server: TenantRedisServer,
  tenant: RedisTenantRef,
): Promise<TenantRedisStanding> {
  const { admin } = server;
  const user = await readUser(admin, tenant.role_name);
  if (user === "refused") return { user: "unknown" };
  if (user === "missing") return { user: "missing" };
  const rules = server.rules(tenant);
  const faults: string[] = [];
  if (!user.flags.includes("on")) faults.push("it is switched off");
  if (user.flags.includes("nopass")) faults.push("it needs no password");
  if (user.passwords.map((hash) => `#${hash}`).some((hash) => !rules.includes(hash)))
    faults.push("it has a password that isn't this installation's");
  if (user.passwords.length === 0) faults.push("it has no password");
  for (const pattern of [...user.keys, ...user.channels]) {
    if (!rules.includes(pattern)) faults.push(`it reaches ${pattern}`);
  }
  if (user.selectors > 0) faults.push("it has selectors, which widen what it may do");
  const key = `${tenantKeyPrefix(tenant)}key`;
  const own = commandsOf(key);
  const foreign = [...commandsOf("somebody-else:key"), ...SERVER_COMMANDS];
  // All at once: ioredis sends them in one go.
  const allowed = await Promise.all(
    [...own, ...foreign].map((command) => isAllowed(admin, tenant.role_name, command)),
  );
  own.forEach((command, index) => {
    if (allowed[index] === false) faults.push(`it may not ${command[0]} its own`);
  });
  foreign.forEach((command, index) => {
    if (allowed[own.length + index] === true) faults.push(`it may ${command.join(" ")}`);
  });
  return faults.length === 0 ? { user: "right" } : { user: "wrong", faults };
}

function commandsOf(key: string): string[][] {
  return [
    ["GET", key],
    ["SET", key, "value"],
    ["DEL", key],
    ["PUBLISH", key, "message"],
    ["SUBSCRIBE", key],
    ["EVAL", "return 1", "1", key],
  ];
}

/** What shows, changes or stops more than one's own. */
const SERVER_COMMANDS = [
  ["KEYS", "*"],
  ["SCAN", "0"],
  ["RANDOMKEY"],
  ["DBSIZE"],
  ["INFO"],
  ["CONFIG", "GET", "*"],
  ["ACL", "LIST"],
  ["CLIENT", "LIST"],
  ["CLIENT", "KILL", "ID", "1"],
  ["CLIENT", "TRACKING", "ON", "BCAST"],
  ["PUBSUB", "CHANNELS"],
  ["MONITOR"],
  ["SCRIPT", "FLUSH"],
  ["FUNCTION", "LIST"],
  ["FLUSHDB"],
  ["FLUSHALL"],
  ["SWAPDB", "0", "1"],
  ["SHUTDOWN"],
];

async function isAllowed(admin: Redis, user: string, command: readonly string[]): Promise<boolean> {
  const [name = "", ...args] = command;
  return (await admin.acl("DRYRUN", user, name, ...args)) === "OK";
}

interface AclUserFacts {
  readonly flags: readonly string[];
  readonly passwords: readonly string[];
  readonly keys: readonly string[];
  readonly channels: readonly string[];
  readonly selectors: number;
}

async function readUser(admin: Redis, name: string): Promise<AclUserFacts | "missing" | "refused"> {
  // Wrapped, so that "no such user" and "you may not ask" stay apart.
  const answer = await unlessRefused(admin.acl("GETUSER", name).then((reply) => ({ reply })));
  if (answer === null) return "refused";
  const { reply }: { reply: unknown } = answer;
  if (!Array.isArray(reply)) return "missing";
  const field = (title: string): unknown => reply[reply.indexOf(title) + 1];
  const words = (value: unknown): string[] =>
    String(value ?? "")
      .split(" ")
      .filter(Boolean);
  const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  return {
    flags: list(field("flags")),
    passwords: list(field("passwords")),
    keys: words(field("keys")),
    channels: words(field("channels")),
    selectors: list(field("selectors")).length,
  };
}

async function unlessRefused<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (isAclRefusal(error)) return null;
    throw error;
  }
}
