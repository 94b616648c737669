import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, withClient } from "../pool.ts";
import { scramVerifier } from "../scram-verifier.ts";
import { ADVISORY_LOCK_SPACE } from "./advisory-lock.ts";

/**
 * How many tenants share one gateway. A backend that changes roles after somebody was given a new one reads all of its
 * login's memberships again: with 500 that takes a millisecond, with 10,000 up to 300 (docs/adr/0011).
 */
export const GATEWAY_CAPACITY = 500;

/** The two roles that a bounded number of tenants share. */
export interface Gateway {
  /** Logs in and may become its tenants' roles. It has no right of its own anywhere. */
  readonly login: string;
  /** Makes and drops its tenants' roles. Nobody logs in as it: Tenantry's own login becomes it. */
  readonly keeper: string;
}

/**
 * The gateway of a tenant.
 *
 * @param installation the installation's id; roles belong to the whole server, which others may share
 * @param ordinal the tenant's number in the registry, from 1: given once, so the answer never changes
 */
export function gatewayOf(installation: string, ordinal: number): Gateway {
  const number = Math.floor((ordinal - 1) / GATEWAY_CAPACITY) + 1;
  return {
    login: `tenantry_${installation}_gateway_${number}`,
    keeper: `tenantry_${installation}_keeper_${number}`,
  };
}

/** What a session of theirs starts with, also behind a pooler that drops what the client asks for. */
const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  search_path: "",
  jit: "off",
  statement_timeout: "30s",
  lock_timeout: "10s",
  idle_in_transaction_session_timeout: "60s",
};

/**
 * Makes a gateway's two roles, when they aren't there. Any number of processes may call it at once, and again.
 *
 * @param pool as Tenantry's own login, which has CREATEROLE
 * @param password the login's; set when the login is made, and again with `renew`
 * @returns true when one of them wasn't there
 */
export async function ensureGateway(
  pool: Pool,
  gateway: Gateway,
  password: string,
  { renew = false }: { readonly renew?: boolean } = {},
): Promise<boolean> {
  return withClient(pool, async (client) => {
    await client.query(
      `BEGIN; SELECT pg_advisory_xact_lock(${ADVISORY_LOCK_SPACE.gateway}, hashtext(${quoteLiteral(gateway.login)}))`,
    );
    const { rows } = await client.query<{ rolname: string }>(
      `SELECT rolname FROM pg_roles WHERE rolname IN (${quoteLiteral(gateway.login)}, ${quoteLiteral(gateway.keeper)})`,
    );
    const has = (role: string) => rows.some((row) => row.rolname === role);
    const script = [
      has(gateway.keeper) ? "" : keeperScript(gateway),
      has(gateway.login) ? "" : `CREATE ROLE ${quoteIdentifier(gateway.login)} NOINHERIT;\n`,
      has(gateway.login) && !renew ? "" : loginScript(gateway, password),
      "COMMIT;\n",
    ];
    await client.query(script.join(""));
    return !has(gateway.keeper) || !has(gateway.login);
  });
}

function keeperScript({ keeper }: Gateway): string {
  const name = quoteIdentifier(keeper);
  // Before PostgreSQL 16 membership is all that there is; since then the maker of a role has to give himself SET.
  return `CREATE ROLE ${name} NOLOGIN NOINHERIT CREATEROLE;\nGRANT ${name} TO CURRENT_USER;\n`;
}

function loginScript({ login }: Gateway, password: string): string {
  return `ALTER ROLE ${quoteIdentifier(login)} LOGIN PASSWORD ${quoteLiteral(scramVerifier(password))};\n${settingsScript(login)}`;
}

function settingsScript(role: string): string {
  return Object.entries(SESSION_SETTINGS)
    .map(([name, value]) => `ALTER ROLE ${quoteIdentifier(role)} SET ${name} = ${quoteLiteral(value)};\n`)
    .join("");
}

/** Makes a tenant's role and lets its gateway act as it. For a transaction of Tenantry's own login. */
export function createRoleScript(gateway: Gateway, role: string): string {
  const name = quoteIdentifier(role);
  return asKeeper(
    gateway,
    `CREATE ROLE ${name} NOLOGIN NOINHERIT;\nGRANT ${name} TO ${quoteIdentifier(gateway.login)};\n`,
  );
}

/** Drops a tenant's role, which by then may own nothing and have no rights. For a transaction of Tenantry's own login. */
export function dropRoleScript(gateway: Gateway, role: string): string {
  return asKeeper(gateway, `DROP ROLE IF EXISTS ${quoteIdentifier(role)};\n`);
}

/**
 * Lets a tenant's role log in by itself, with at most so many connections at once. For a transaction of our login. Many
 * may find at once that the role can't log in yet, and PostgreSQL refuses to change one role twice at a time.
 */
export function allowLoginScript(
  gateway: Gateway,
  role: string,
  login: { readonly password: string; readonly connectionLimit: number },
): string {
  const verifier = quoteLiteral(scramVerifier(login.password));
  const inTurn = `SELECT pg_advisory_xact_lock(${ADVISORY_LOCK_SPACE.gateway}, hashtext(${quoteLiteral(role)}));\n`;
  return (
    inTurn +
    asKeeper(
      gateway,
      `ALTER ROLE ${quoteIdentifier(role)} LOGIN PASSWORD ${verifier} CONNECTION LIMIT ${login.connectionLimit};\n${settingsScript(role)}`,
    )
  );
}

/**
 * Since PostgreSQL 16 whoever makes a role becomes its member, as administrator. As a keeper that list stays as short
 * as the gateway's; as our own login it would hold every tenant, and be read again for each new one.
 */
function asKeeper(gateway: Gateway, statements: string): string {
  return `SET LOCAL ROLE ${quoteIdentifier(gateway.keeper)};\n${statements}SET LOCAL ROLE NONE;\n`;
}
