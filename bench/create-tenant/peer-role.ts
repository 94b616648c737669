import { quoteIdentifier, quoteLiteral } from "@tenantry/schema";
import pg from "pg";

/**
 * Connection options for who runs the blueprint's migrations in a way of their own: the migrations take rights from the
 * tenant's role, whose name they find in a setting. The peers make no role for each tenant, so one stands for all.
 */
export async function peerOptions(databaseUrl: string): Promise<string> {
  const role = `${decodeURIComponent(new URL(databaseUrl).username)}_peer`;
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query(`SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(role)}`);
    if (rowCount === 0) await client.query(`CREATE ROLE ${quoteIdentifier(role)}`);
  } finally {
    await client.end();
  }
  return `-c tenantry.role=${role}`;
}
