import { setTimeout as wait } from "node:timers/promises";
import { type TenancyContext, type TenantRow, withTenant } from "@tenantry/tenancy";
import { sql } from "kysely";

/** People at work in their tenants: each of so many clients, after a short pause, does a small transaction in one of them. */
export interface People {
  /** @returns milliseconds of every transaction that began in this time */
  work(milliseconds: number): Promise<readonly number[]>;
}

const CLIENTS = 16;
/** Between two transactions of one client: 16 clients leave the machine something to do others' work with. */
const PAUSE_MS = 50;

/** @param tenants of the `booking` blueprint */
export function peopleIn(ctx: TenancyContext, tenants: readonly TenantRow[]): People {
  const once = async (tenant: TenantRow): Promise<number> => {
    const begun = performance.now();
    await withTenant(ctx, tenant, async (db) => {
      await sql`insert into settings (key, value) values ('bench', '0')
        on conflict (key) do update set value = (settings.value::int + 1)::text`.execute(db);
      await sql`select count(*) from settings`.execute(db);
      await sql`select * from settings where key = 'bench'`.execute(db);
    });
    return performance.now() - begun;
  };
  return {
    work: async (milliseconds) => {
      const latencies: number[] = [];
      const end = performance.now() + milliseconds;
      const client = async (first: number): Promise<void> => {
        for (let turn = first; performance.now() < end; turn += CLIENTS) {
          const tenant = tenants[turn % tenants.length];
          if (tenant === undefined) throw new Error("there are no tenants");
          latencies.push(await once(tenant));
          await wait(PAUSE_MS * (0.5 + Math.random()));
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
      return latencies;
    },
  };
}
