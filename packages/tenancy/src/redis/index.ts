export { tenantKeyPrefix } from "../tenant-redis.ts";
export { tenantRedis } from "./tenant-redis.ts";
export { TenantRedisServer, type TenantRedisServerOptions } from "./tenant-redis-server.ts";
