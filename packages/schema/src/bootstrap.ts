import pg from "pg";
import { quoteIdentifier, quoteLiteral } from "./identifier.ts";

export interface OwnedDatabase {
  readonly superuserUrl: string;
  /** Name of the database and of the login that owns it. */
  readonly name: string;
  readonly password: string;
}

/**
 * Makes a database and the login that owns it, when they aren't there yet, and returns that login's URL.
 * The login may create roles and schemas but is no superuser, so `RESET ROLE` never leads to one.
 */
export async function ensureOwnedDatabase(input: OwnedDatabase): Promise<string> {
  const client = new pg.Client({
    connectionString: input.superuserUrl,
    application_name: "tenantry-bootstrap",
  });
  // A connection that is lost says so as an event too, beside the query's rejection; unheard it would end the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    const owner = quoteIdentifier(input.name);
    const found = await client.query(
      "SELECT (SELECT count(*)::int FROM pg_roles WHERE rolname = $1) AS roles, (SELECT count(*)::int FROM pg_database WHERE datname = $1) AS databases",
      [input.name],
    );
    const verb = found.rows[0].roles === 0 ? "CREATE" : "ALTER";
    await client.query(
      `${verb} ROLE ${owner} LOGIN CREATEROLE NOSUPERUSER PASSWORD ${quoteLiteral(input.password)}`,
    );
    if (found.rows[0].databases === 0) await client.query(`CREATE DATABASE ${owner} OWNER ${owner}`);
  } finally {
    await client.end();
  }
  const url = new URL(input.superuserUrl);
  url.username = input.name;
  url.password = encodeURIComponent(input.password);
  url.pathname = `/${encodeURIComponent(input.name)}`;
  return url.href;
}
