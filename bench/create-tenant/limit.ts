import { ensureGateway } from "@tenantry/schema";
import pg from "pg";
import type { Contender } from "./contender.ts";
import { benchGateway, provisioningText } from "./provisioning-text.ts";
import { sampleTenant } from "./sample-tenant.ts";

/** A connection that provisions ages (cached plans of foreign keys): the limit renews its own, for it is to be the limit. */
const TENANTS_PER_CONNECTION = 40;

/**
 * (a) The limit: the very text that Tenantry sends, written beforehand, sent by bare clients. No license, no operation,
 * no queue, no password, no progress, no check whether the schema is there.
 */
export const limit: Contender = {
  name: "bare text (limit)",
  kind: "limit",
  growsWithCatalog: false,
  inFlightPerWorker: 1,
  open: async ({ databaseUrl, workers, tenants }) => {
    const gateway = benchGateway(databaseUrl);
    const texts = await Promise.all(
      Array.from({ length: tenants }, () => provisioningText(sampleTenant(), gateway)),
    );
    const pool = new pg.Pool({
      connectionString: databaseUrl,
      max: workers,
      maxUses: TENANTS_PER_CONNECTION,
    });
    await ensureGateway(pool, gateway, "not used");
    return {
      createTenant: async () => {
        const text = texts.pop();
        if (text === undefined) throw new Error("more tenants than there are texts");
        await pool.query(text);
        return {};
      },
      close: () => pool.end(),
    };
  },
};
