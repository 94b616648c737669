import pg from "pg";
import { hardeningScript, hardenings } from "./hardening.ts";
import { quoteIdentifier, quoteLiteral } from "./identifier.ts";

export interface OwnedDatabase {
  readonly superuserUrl: string;
  /** Name of the database and of the login that owns it. */
  readonly name: string;
  readonly password: string;
}

/**
 * Makes a database and the login that owns it, when they aren't there yet, and returns that login's URL. Closes in the
 * database what PostgreSQL leaves open to everybody.
 * The login may create roles and schemas but is no superuser, so `RESET ROLE` never leads to one.
 */
export async function ensureOwnedDatabase(input: OwnedDatabase): Promise<string> {
  await withSuperuser(input.superuserUrl, async (client) => {
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
  });
  const url = new URL(input.superuserUrl);
  url.pathname = `/${encodeURIComponent(input.name)}`;
  await withSuperuser(url.href, (client) => harden(client, input.name));
  url.username = input.name;
  url.password = encodeURIComponent(input.password);
  return url.href;
}

/** Takes from everybody what tenants have no business with, unless that was done before. */
async function harden(client: pg.Client, owner: string): Promise<void> {
  for (const { isOpen } of hardenings(owner)) {
    const { rows } = await client.query({ text: isOpen, rowMode: "array" });
    if (rows[0]?.[0] !== true) continue;
    await client.query(hardeningScript(owner));
    return;
  }
}

async function withSuperuser(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: "tenantry-bootstrap" });
  // A connection that is lost says so as an event too, beside the query's rejection; unheard it would end the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
