import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { PoolClient, Queryable } from "../pool.ts";
import { lockTenantName } from "../tenant/advisory-lock.ts";
import { relationsOf } from "../tenant/contents.ts";
import { readMarker } from "../tenant/marker.ts";
import { SwapRefusedError } from "./errors.ts";
import { mendFunctionPaths } from "./function-paths.ts";
import { lockOutWriters } from "./lock-out-writers.ts";

export interface SwapInput {
  readonly tenantId: string;
  /** The tenant's schema: its name goes to the loaded one. */
  readonly schema: string;
  readonly loaded: string;
  /** The name that the old one is kept under. */
  readonly keptAs: string;
  readonly role: string;
}

/** Longer than a transaction of the tenant's may stay idle, so that one that was forgotten ends by itself. */
const WAIT_FOR_WRITERS = "90s";

/**
 * Puts a loaded schema in the place of a tenant's own, which is kept under another name and closed to the tenant's role. In
 * the transaction that loaded it.
 *
 * Transactions that have written are waited for, and others kept from writing until the commit: after it PostgreSQL looks
 * their names up again, prepared statements' too, and finds the new schema. So nothing is written into the old one that a
 * customer's application was told is saved.
 *
 * @throws SwapRefusedError when the old schema isn't the tenant's; the driver's error, `lock_not_available` when a writer
 * doesn't end.
 */
export async function swapSchemas(client: PoolClient, input: SwapInput): Promise<void> {
  const { schema, loaded, keptAs } = input;
  const { rows } = await client.query<{ timeout: string }>(
    "SELECT current_setting('lock_timeout') AS timeout",
  );
  await client.query(`SET LOCAL lock_timeout = '${WAIT_FOR_WRITERS}'`);
  await lockTenantName(client, schema);
  const owner = await readMarker(client, schema);
  if (owner.kind === "stranger" || (owner.kind === "tenant" && owner.tenantId !== input.tenantId)) {
    throw new SwapRefusedError(schema);
  }
  const names = {
    schema: quoteIdentifier(schema),
    loaded: quoteIdentifier(loaded),
    kept: quoteIdentifier(keptAs),
    role: quoteIdentifier(input.role),
  };
  if (owner.kind === "tenant") {
    await lockOutWriters(client, schema, await tablesOf(client, schema));
    await client.query(
      `REVOKE ALL ON SCHEMA ${names.schema} FROM ${names.role}; ALTER SCHEMA ${names.schema} RENAME TO ${names.kept}`,
    );
  }
  await client.query(
    `ALTER SCHEMA ${names.loaded} RENAME TO ${names.schema}; GRANT USAGE ON SCHEMA ${names.schema} TO ${names.role};
     SET LOCAL search_path = ${names.schema}; SET LOCAL lock_timeout = ${quoteLiteral(rows[0]?.timeout ?? "0")}`,
  );
  await mendFunctionPaths(client, { schema, from: loaded });
}

async function tablesOf(client: Queryable, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM ${relationsOf(schema)} AS relation WHERE relkind IN ('r', 'p') ORDER BY relname`,
  );
  return rows.map(({ name }) => name);
}
