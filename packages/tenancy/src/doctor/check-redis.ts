import type { TenancyContext } from "../context.ts";
import type { TenantRow } from "../license-view.ts";
import { inspectTenantRedis, redisIsolation } from "../redis/isolation.ts";
import { ensureTenantRedis } from "../tenant-redis.ts";
import { type Finding, ok, problem, simpleFix } from "./finding.ts";

const CHECK = "redis";

/** Whether tenants are apart in Redis: what the server allows, and each tenant's ACL user. Nothing without a Redis. */
export async function checkRedis(ctx: TenancyContext, tenants: readonly TenantRow[]): Promise<Finding[]> {
  const { redis } = ctx;
  if (redis === null) return [];
  try {
    const { usersAllowed, defaultUserOpen } = await redisIsolation(redis);
    if (!usersAllowed) {
      return [
        problem(
          CHECK,
          "Redis allows no ACL users: in it tenants have no more than a key prefix",
          "Use Redis 7 or Valkey, with a login in REDIS_URL that may run ACL.",
        ),
      ];
    }
    const findings: Finding[] = [];
    if (defaultUserOpen === true) {
      findings.push(
        problem(
          CHECK,
          "Redis' default user needs no password: whoever reaches the server may do everything, a tenant's user too",
          "Set `requirepass` and put the password into REDIS_URL, or give REDIS_URL a user of its own and run `ACL SETUSER default off`.",
        ),
      );
    }
    let right = 0;
    for (const tenant of tenants) {
      const standing = await inspectTenantRedis(redis, tenant);
      // Redis forgets users when it starts again; they are made for the next connection.
      if (standing.user !== "wrong") right += 1;
      else {
        findings.push(
          problem(
            CHECK,
            `Redis user ${tenant.role_name}: ${standing.faults.join(", ")}`,
            "Run `tenantry doctor --isolation --fix`, and find out who changed it.",
            simpleFix(`Make Redis user ${tenant.role_name} anew`, () => ensureTenantRedis(ctx, tenant)),
          ),
        );
      }
    }
    return findings.length > 0
      ? findings
      : [ok(CHECK, `Each tenant's Redis user reaches its own keys alone (${right} looked at)`)];
  } catch (error) {
    ctx.log.warn({ err: error }, "Redis not examined");
    return [
      problem(
        CHECK,
        "Redis doesn't answer, so what tenants may do in it is unknown",
        "See whether it is up.",
      ),
    ];
  }
}
