import type { TenancyContext, TenantRef } from "@tenantry/tenancy";
import { tenantRedis } from "@tenantry/tenancy/redis";
import type { Day } from "./tables.ts";

/** What one client keeps in Redis. Without Redis everything works, and is asked of PostgreSQL each time. */
export interface SlotCache {
  /** The free slots of a day as they were at most half a minute ago. A booking that is too late is the database's to refuse. */
  slots(date: Day, serviceId: number, find: () => Promise<string[]>): Promise<string[]>;
  /** A day has changed. */
  forget(date: Day): Promise<void>;
  /** Counts a booking; null without Redis. */
  countBooking(): Promise<number | null>;
  close(): void;
}

const SECONDS_KEPT = 30;

/** Keys are named alike for every client: `tenantRedis` puts each client's own prefix before them. */
export function openCache(server: TenancyContext["redis"], tenant: TenantRef): SlotCache {
  if (server === null) {
    return {
      slots: (_date, _serviceId, find) => find(),
      forget: async () => undefined,
      countBooking: async () => null,
      close: () => undefined,
    };
  }
  const redis = tenantRedis(server, tenant);
  // A cache that is away makes nothing fail: what it would have said is asked of PostgreSQL.
  redis.on("error", () => undefined);
  const orNull = <T>(answer: Promise<T>): Promise<T | null> => answer.catch(() => null);
  return {
    slots: async (date, serviceId, find) => {
      const key = `slots:${date}`;
      const kept = await orNull(redis.hget(key, String(serviceId)));
      if (kept !== null) return JSON.parse(kept) as string[];
      const found = await find();
      await orNull(
        redis.multi().hset(key, String(serviceId), JSON.stringify(found)).expire(key, SECONDS_KEPT).exec(),
      );
      return found;
    },
    forget: async (date) => {
      await orNull(redis.del(`slots:${date}`));
    },
    countBooking: () => orNull(redis.incr("bookings")),
    close: () => redis.disconnect(),
  };
}
