import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  PostgresDialect,
  PostgresDriver,
  type TransactionSettings,
} from "kysely";
import { quoteIdentifier } from "../identifier.ts";
import type { PoolClient, QueryConfig } from "../pool.ts";
import { assertStatementAllowed } from "./statement-guard.ts";

export interface TenantScope {
  readonly schema: string;
  /** The role to become; null when the session logged in as it. */
  readonly role: string | null;
}

/**
 * What `work` may have left on the session is taken back in the same message, before anybody else gets the connection.
 * It is DISCARD ALL spelled out, which can't be sent in one message with COMMIT.
 */
const CLOSE = [
  "COMMIT",
  "RESET ROLE",
  "RESET ALL",
  "CLOSE ALL",
  "UNLISTEN *",
  "DEALLOCATE ALL",
  "DISCARD TEMP",
  "DISCARD SEQUENCES",
  "SELECT pg_advisory_unlock_all()",
].join("; ");

/**
 * Runs `work` in one transaction as the tenant's role, with the tenant's schema as the only one on the path.
 *
 * Role and path are set with `SET LOCAL` in the same message as BEGIN: no round trip more than a plain transaction, and
 * nothing outlives COMMIT or ROLLBACK, so a transaction pooler may stand between. A failure rolls back and rethrows.
 * `pg_temp` is named, and last, because otherwise PostgreSQL looks there first: a temporary table could then pass for
 * one of the tenant's.
 *
 * @param client a connection that is closed, not used again, when this throws
 */
export async function tenantTransaction<DB, T>(
  client: PoolClient,
  scope: TenantScope,
  work: (db: Kysely<DB>) => Promise<T>,
): Promise<T> {
  const role = scope.role === null ? "" : `SET LOCAL ROLE ${quoteIdentifier(scope.role)}; `;
  await client.query(`BEGIN; ${role}SET LOCAL search_path = ${quoteIdentifier(scope.schema)}, pg_temp`);
  const door = new Door(client);
  try {
    const result = await work(new Kysely<DB>({ dialect: singleConnectionDialect(door) }));
    await door.close();
    const ends = await client.query(CLOSE);
    // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK: an error inside was swallowed by `work`.
    const [end] = ends as unknown as { command: string }[];
    if (end?.command === "ROLLBACK") {
      throw new Error("the transaction had failed before its end and was rolled back");
    }
    return result;
  } finally {
    door.shut();
  }
}

/** The way from `work` to the connection. It shuts with the transaction: a Kysely that was kept leads nowhere. */
class Door {
  readonly #client: PoolClient;
  #shut = false;
  /** The queries that `work` has sent and not waited for, if any: the connection isn't another's before they end. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: PoolClient) {
    this.#client = client;
  }

  async query(text: string, values: readonly unknown[] = []): Promise<unknown> {
    if (this.#shut)
      throw new Error("the tenant's transaction has ended; its database handle can't be used any more");
    assertStatementAllowed(text);
    // The extended protocol takes one statement: none can be smuggled in behind a semicolon.
    const config = { text, values: [...values], queryMode: "extended" } as QueryConfig;
    const sent = this.#client.query(config);
    this.#last = sent.catch(() => undefined);
    return sent;
  }

  /** No statement comes after this; waits for those under way. */
  async close(): Promise<void> {
    this.#shut = true;
    await this.#last;
  }

  shut(): void {
    this.#shut = true;
  }
}

/** A Kysely dialect on one connection that is already inside a transaction, which it can't end. */
function singleConnectionDialect(door: Door): PostgresDialect {
  const borrowed = {
    query: door.query.bind(door),
    release: () => undefined,
  } as unknown as PoolClient;
  return new InnerDialect({ pool: { connect: async () => borrowed, end: async () => undefined } as never });
}

class InnerDialect extends PostgresDialect {
  readonly #config: ConstructorParameters<typeof PostgresDialect>[0];

  constructor(config: ConstructorParameters<typeof PostgresDialect>[0]) {
    super(config);
    this.#config = config;
  }

  override createDriver(): InnerDriver {
    return new InnerDriver(this.#config);
  }
}

/** `db.transaction()` inside a tenant's transaction is a savepoint: a second BEGIN … COMMIT would end the outer one. */
class InnerDriver extends PostgresDriver {
  override async beginTransaction(
    connection: DatabaseConnection,
    _settings: TransactionSettings,
  ): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("SAVEPOINT inner_transaction"));
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("RELEASE SAVEPOINT inner_transaction"));
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("ROLLBACK TO SAVEPOINT inner_transaction"));
  }
}
