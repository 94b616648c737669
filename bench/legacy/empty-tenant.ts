import { ensureGateway, quoteIdentifier } from "@tenantry/schema";
import pg from "pg";
import { benchGateway, provisioningText } from "../create-tenant/provisioning-text.ts";
import { sampleTenant } from "../create-tenant/sample-tenant.ts";

/** Enough for what the sample files hold: the peers know of no limits. */
const ROOM = { maxUsers: 1_000, maxBranches: 1_000 };

/** Tables that Tenantry keeps for itself in each tenant. */
const OWN = "^(tenantry|kysely)_";

/**
 * A provisioned tenant, its default data taken out again, so that rows with the same ids may come in: tables, indexes,
 * keys and checks as Tenantry makes them.
 *
 * @returns the schema's name
 */
export async function makeEmptyTenant(databaseUrl: string): Promise<string> {
  const tenant = sampleTenant();
  const { seed, schema } = tenant;
  const gateway = benchGateway(databaseUrl);
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  try {
    await ensureGateway(pool, gateway, "not used");
    const license = { ...seed.license, ...ROOM };
    await pool.query(await provisioningText({ ...tenant, seed: { ...seed, license } }, gateway));
    const { rows } = await pool.query<{ tablename: string }>(
      "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename !~ $2",
      [schema, OWN],
    );
    const tables = rows.map(({ tablename }) => `${quoteIdentifier(schema)}.${quoteIdentifier(tablename)}`);
    await pool.query(`TRUNCATE ${tables.join(", ")}`);
    return schema;
  } finally {
    await pool.end();
  }
}
