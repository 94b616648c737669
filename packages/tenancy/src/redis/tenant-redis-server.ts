import type { ControlDatabase } from "@tenantry/schema";
import { Redis } from "ioredis";
import type { Logger } from "pino";
import { derivedPassword } from "../derived-password.ts";
import { TenancyError } from "../errors.ts";
import { type RedisTenantRef, tenantKeyPrefix } from "../tenant-redis.ts";
import { aclRules, globLiteral } from "./acl-rules.ts";
import { isAclRefusal } from "./reply-error.ts";

export interface TenantRedisServerOptions {
  /** With a login that may manage ACL users, where the server has them. */
  readonly url: string;
  /** Shown in Redis' client list. */
  readonly connectionName: string;
  /** The installation's secret, which the users' passwords derive from. */
  readonly secret: Buffer;
  readonly control: ControlDatabase;
  readonly log: Logger;
}

/** `login`: the tenant's ACL user is there and right. `prefix`: this Redis has none for us; only the prefix is left. */
export type TenantRedisMode = "login" | "prefix";

/** So long may Redis take to connect or to answer before it counts as away. Milliseconds. */
const TIMEOUT_MS = 3_000;
const LONGEST_RECONNECT_MS = 2_000;
/** Keys looked at in one SCAN, and so removed in one UNLINK at most. */
const SCAN_COUNT = 1_000;

/** An installation's Redis, from the side that makes and removes what tenants have in it. Connects when it is first asked. */
export class TenantRedisServer {
  readonly #admin: Redis;
  readonly #options: TenantRedisServerOptions;
  #lastTrouble = "";
  #lastMode: TenantRedisMode = "login";

  constructor(options: TenantRedisServerOptions) {
    this.#options = options;
    this.#admin = new Redis(options.url, {
      lazyConnect: true,
      connectionName: options.connectionName,
      connectTimeout: TIMEOUT_MS,
      commandTimeout: TIMEOUT_MS,
      maxRetriesPerRequest: 1,
      retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 6), LONGEST_RECONNECT_MS),
    });
    // A server that is away says so many times a second.
    this.#admin.on("error", (error: Error) => {
      if (error.message === this.#lastTrouble) return;
      this.#lastTrouble = error.message;
      options.log.warn({ err: error }, "Redis connection trouble");
    });
  }

  /** The connection as administrator, for what examines the server. */
  get admin(): Redis {
    return this.#admin;
  }

  /** Where the server is, without a login. */
  get address(): string {
    const url = new URL(this.#options.url);
    url.username = "";
    url.password = "";
    return url.href;
  }

  /** The administrator's own login, as ioredis sends it; undefined where none is needed. */
  get login(): string | [username: string, password: string] | undefined {
    const { username, password } = this.#admin.options;
    return username ? [username, password ?? ""] : (password ?? undefined);
  }

  /** The password of the tenant's ACL user, which has the role's name. */
  password(tenant: RedisTenantRef): string {
    return derivedPassword(this.#options, "tenant-redis", tenant.role_name);
  }

  /** What the tenant's ACL user may do, for `ACL SETUSER`. */
  rules(tenant: RedisTenantRef): string[] {
    return aclRules({
      keyPrefix: tenantKeyPrefix(tenant),
      password: this.password(tenant),
      database: this.#admin.options.db ?? 0,
    });
  }

  /**
   * Sees to it that the tenant's ACL user is there and right, before a client connects. Redis forgets users when it
   * starts again without an aclfile.
   *
   * @throws TenancyError UNAVAILABLE, retryable; TENANT_NOT_READY for a tenant that is going or gone.
   */
  async ensureUser(tenant: RedisTenantRef): Promise<TenantRedisMode> {
    // A client that outlives its tenant tries again and again: not for it.
    await this.#assertStays(tenant);
    return this.makeUser(tenant);
  }

  /**
   * Makes or mends the tenant's ACL user. Of one that turns out to be going or gone nothing is left behind.
   *
   * @throws as `ensureUser`
   */
  async makeUser(tenant: RedisTenantRef): Promise<TenantRedisMode> {
    const mode = await this.#ask(() => this.#setUser(tenant));
    try {
      // Afterwards: a deletion that began meanwhile may have removed the user before we made it again.
      await this.#assertStays(tenant);
    } catch (error) {
      if (mode === "login") await this.#ask(() => this.#admin.acl("DELUSER", tenant.role_name));
      throw error;
    }
    return mode;
  }

  /**
   * Removes the tenant's ACL user, and with it that user's connections, then every key with the tenant's prefix.
   *
   * @throws TenancyError UNAVAILABLE, retryable.
   */
  async remove(tenant: RedisTenantRef): Promise<void> {
    await this.#ask(async () => {
      await this.#admin.acl("DELUSER", tenant.role_name).catch((error: unknown) => {
        if (!isAclRefusal(error)) throw error;
      });
      const match = `${globLiteral(tenantKeyPrefix(tenant))}*`;
      let cursor = "0";
      do {
        const [next, keys] = await this.#admin.scan(cursor, "MATCH", match, "COUNT", SCAN_COUNT);
        if (keys.length > 0) await this.#admin.unlink(keys);
        cursor = next;
      } while (cursor !== "0");
    });
  }

  async close(): Promise<void> {
    this.#admin.disconnect();
  }

  async #setUser(tenant: RedisTenantRef): Promise<TenantRedisMode> {
    let mode: TenantRedisMode = "login";
    try {
      await this.#admin.acl("SETUSER", tenant.role_name, ...this.rules(tenant));
    } catch (error) {
      if (!isAclRefusal(error)) throw error;
      mode = "prefix";
      if (this.#lastMode !== mode) {
        this.#options.log.warn(
          { err: error },
          "Redis allows no ACL users: tenants have the key prefix alone",
        );
      }
    }
    this.#lastMode = mode;
    return mode;
  }

  /** Only a tenant that is there to stay gets a user: a client that comes back after the deletion must not bring it back. */
  async #assertStays(tenant: RedisTenantRef): Promise<void> {
    const row = await this.#options.control
      .selectFrom("tenants")
      .select("state")
      .where("role_name", "=", tenant.role_name)
      .executeTakeFirst();
    if (row?.state === "ready" || row?.state === "provisioning") return;
    throw new TenancyError("TENANT_NOT_READY", `The tenant is ${row?.state ?? "gone"}.`, {
      hint: "It has nothing in Redis any more.",
    });
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      if (error instanceof TenancyError) throw error;
      throw new TenancyError("UNAVAILABLE", "Redis is away or busy; the work will be tried again.", {
        retryable: true,
        hint: "Nothing to do unless it lasts: see whether Redis is up.",
        cause: error,
      });
    }
  }
}
