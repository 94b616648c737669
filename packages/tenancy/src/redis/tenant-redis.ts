import { type CommonRedisOptions, Redis, type RedisOptions } from "ioredis";
import { TenancyError } from "../errors.ts";
import { type RedisTenantRef, tenantKeyPrefix } from "../tenant-redis.ts";
import { TenantConnector } from "./tenant-connector.ts";
import { TenantRedisServer } from "./tenant-redis-server.ts";

/** ioredis' own options, such as `commandTimeout`; who logs in where, and the prefix, are not for them to say. */
export type TenantRedisOptions = Omit<
  CommonRedisOptions,
  "Connector" | "db" | "keyPrefix" | "password" | "replyMapping" | "username"
>;

/**
 * An ioredis client whose keys all begin with the tenant's prefix. It has a connection of its own, made at the first
 * command; whoever asks for it also ends it, with `quit` or `disconnect`.
 *
 * - `redis` is the installation's (`ctx.redis`): the client logs in as the tenant's own ACL user, which Redis lets touch
 *   keys and channels with that prefix alone. The user is made sure of before each connection. Where the server allows no
 *   ACL users, the prefix is all that is left; the log and `tenantry doctor --isolation` say so.
 * - `redis` is any ioredis client: the prefix alone, under that client's login and in place of its own prefix.
 *
 * What the prefix alone covers, and what it doesn't: docs/applications.md.
 */
export function tenantRedis(
  redis: Redis | TenantRedisServer,
  tenant: RedisTenantRef,
  options: TenantRedisOptions = {},
): Redis {
  return redis instanceof TenantRedisServer
    ? loggedIn(redis, tenant, options)
    : redis.duplicate({ lazyConnect: true, ...options, keyPrefix: tenantKeyPrefix(tenant) });
}

type Override = Omit<Partial<RedisOptions>, "replyMapping">;

function loggedIn(server: TenantRedisServer, tenant: RedisTenantRef, override: Override): Redis {
  const prepare = async (): Promise<void> => {
    const mode = await server.ensureUser(tenant).catch((error: unknown) => {
      if (error instanceof TenancyError && error.code === "TENANT_NOT_READY") throw error;
      // Redis or PostgreSQL is away. The user may well be there; if it isn't, the login fails and we come again.
      return "login";
    });
    if (mode === "prefix" && client.condition !== null)
      Object.assign(client.condition, { auth: server.login });
  };
  const options: RedisOptions & { replyMapping?: "legacy" } = {
    keyPrefix: tenantKeyPrefix(tenant),
    username: tenant.role_name,
    password: server.password(tenant),
    connectionName: tenant.role_name,
    lazyConnect: true,
    // The user may neither ask INFO, which the check is made of, nor say who its library is.
    enableReadyCheck: false,
    disableClientInfo: true,
    ...override,
    Connector: class extends TenantConnector {
      constructor(options: unknown) {
        super(options as RedisOptions, prepare);
      }
    },
  };
  const client: Redis = new Redis(server.address, options);
  // ioredis takes a refused SELECT for done, asks for it again when it reconnects, and lets that refusal end the process.
  client.on("select", () => {
    if (client.condition !== null) client.condition.select = client.options.db ?? 0;
  });
  // ioredis' own would share the connector, and with it this client's login.
  client.duplicate = (more) => loggedIn(server, tenant, { ...override, ...more });
  return client;
}
