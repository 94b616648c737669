import { type TenancyContext, TenancyError, type TenantRef, withTenant } from "@tenantry/tenancy";
import type { Kysely } from "kysely";
import { openCache, type SlotCache } from "./cache.ts";
import type { BookingTables } from "./tables.ts";

/** One client of the bot, as this process serves it. */
export interface BotClient {
  /** `client_001`: also the name of its schema. */
  readonly name: string;
  readonly licenseKey: string;
  readonly tenant: TenantRef;
  readonly cache: SlotCache;
}

export type BotClients = ReadonlyMap<string, BotClient>;

/**
 * Finds the clients of the bot that this process is to serve.
 *
 * @throws TenancyError TENANT_NOT_FOUND for a name that is no client's.
 */
export async function findClients(ctx: TenancyContext, names: readonly string[]): Promise<BotClients> {
  const rows = await ctx.control
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .selectAll("tenants")
    .select("licenses.key as license_key")
    .where("tenants.blueprint", "=", "booking")
    .where("tenants.schema_name", "in", [...names])
    .orderBy("tenants.schema_name")
    .execute();
  const clients = new Map(
    rows.map((tenant) => [
      tenant.schema_name,
      {
        name: tenant.schema_name,
        licenseKey: tenant.license_key,
        tenant,
        cache: openCache(ctx.redis, tenant),
      },
    ]),
  );
  const missing = names.filter((name) => !clients.has(name));
  if (missing.length > 0) {
    throw new TenancyError("TENANT_NOT_FOUND", `No client of the bot is called ${missing.join(", ")}.`, {
      hint: "`tenantry license list` shows the clients that exist.",
    });
  }
  return clients;
}

/** The one way to a client's data: a transaction in its schema, as its role. */
export function inClient<T>(
  ctx: TenancyContext,
  client: Pick<BotClient, "tenant">,
  work: (db: Kysely<BookingTables>) => Promise<T>,
): Promise<T> {
  return withTenant<BookingTables, T>(ctx, client.tenant, work);
}
