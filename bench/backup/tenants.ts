import { randomBytes } from "node:crypto";
import {
  type Blueprint,
  compileBlueprint,
  ensureGateway,
  type Gateway,
  gatewayOf,
  provisionScript,
  quoteIdentifier,
} from "@tenantry/schema";
import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import pg from "pg";
import { sampleTenant } from "../create-tenant/sample-tenant.ts";
import { inLanes } from "../measuring/lanes.ts";

const COMPILED = {
  erp: await compileBlueprint(erp as Blueprint),
  booking: await compileBlueprint(booking as Blueprint),
};

const LANES = 2;
/** A connection that provisions gets slower with each tenant. */
const TENANTS_PER_CONNECTION = 40;
/** Of which a role may be a member before it gets slow. */
const TENANTS_PER_GATEWAY = 250;

/** Makes tenants by the text that Tenantry sends, and nothing else. @returns their schemas */
export async function makeTenants(
  databaseUrl: string,
  blueprint: keyof typeof COMPILED,
  count: number,
): Promise<string[]> {
  const installation = randomBytes(4).toString("hex");
  const schemas: string[] = [];
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: LANES,
    maxUses: TENANTS_PER_CONNECTION,
    // Nobody measures this, and others' tenants were made long ago.
    options: "-c synchronous_commit=off -c jit=off",
  });
  try {
    for (let made = 0; made < count; made += TENANTS_PER_GATEWAY) {
      const gateway = gatewayOf(installation, 1 + made * 2);
      await ensureGateway(pool, gateway, "not used");
      await inLanes(LANES, Math.min(TENANTS_PER_GATEWAY, count - made), async () => {
        const tenant = await tenantText(blueprint, gateway);
        await pool.query(tenant.text);
        schemas.push(tenant.schema);
      });
    }
  } finally {
    await pool.end();
  }
  return schemas;
}

async function tenantText(
  blueprint: keyof typeof COMPILED,
  gateway: Gateway,
): Promise<{ schema: string; text: string }> {
  const { id, operationId, schema, role, seed } = sampleTenant();
  const parameters = blueprint === "booking" ? { adminTelegramId: 4_242_424_242 } : {};
  const text = await provisionScript({
    ...{ tenantId: id, operationId, schema, role, gateway },
    blueprint: COMPILED[blueprint],
    seed: { ...seed, parameters },
  });
  return { schema, text: `BEGIN;\n${text}` };
}

/** Tables that Tenantry keeps for itself in each tenant. */
const OWN = "^(tenantry|kysely)_";

/** A tenant whose default data is taken out again, so that rows with any ids may come in. @returns its schema */
export async function makeEmptyTenant(
  databaseUrl: string,
  blueprint: keyof typeof COMPILED,
): Promise<string> {
  const [schema = ""] = await makeTenants(databaseUrl, blueprint, 1);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ tablename: string }>(
      "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename !~ $2",
      [schema, OWN],
    );
    const tables = rows.map(({ tablename }) => `${quoteIdentifier(schema)}.${quoteIdentifier(tablename)}`);
    await client.query(`TRUNCATE ${tables.join(", ")}`);
  } finally {
    await client.end();
  }
  return schema;
}
