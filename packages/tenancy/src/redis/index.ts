export type { RedisTenantRef } from "../tenant-redis.ts";
export { tenantKeyPrefix } from "../tenant-redis.ts";
export {
  inspectTenantRedis,
  type RedisIsolation,
  redisIsolation,
  type TenantRedisStanding,
} from "./isolation.ts";
export { type TenantRedisOptions, tenantRedis } from "./tenant-redis.ts";
export { TenantRedisServer, type TenantRedisServerOptions } from "./tenant-redis-server.ts";
