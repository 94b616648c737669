import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  PostgresDialect,
  PostgresDriver,
  type TransactionSettings,
} from "kysely";
import { quoteIdentifier } from "../identifier.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";

export interface TenantScope {
  readonly schema: string;
  readonly role: string;
}

/**
 * What `work` may have left on the session is taken back in the same message, before anybody else gets the connection:
 * role, settings, temporary tables.
 */
const CLOSE = "COMMIT; RESET ROLE; RESET ALL; DISCARD TEMP";

/**
 * Runs `work` in one transaction as the tenant's role, with the tenant's schema as the only one on the path.
 *
 * Role and path are set with `SET LOCAL` in the same message as BEGIN: no round trip more than a plain transaction, and
 * nothing outlives COMMIT or ROLLBACK, so a transaction pooler may stand between. A failure rolls back and rethrows.
 * `pg_temp` is named, and last, because otherwise PostgreSQL looks there first: a temporary table could then pass for
 * one of the tenant's.
 */
export async function tenantTransaction<DB, T>(
  pool: Pool,
  scope: TenantScope,
  work: (db: Kysely<DB>) => Promise<T>,
): Promise<T> {
  const open = `BEGIN; SET LOCAL ROLE ${quoteIdentifier(scope.role)}; SET LOCAL search_path = ${quoteIdentifier(scope.schema)}, pg_temp`;
  return withClient(pool, async (client) => {
    await client.query(open);
    const result = await work(new Kysely<DB>({ dialect: singleConnectionDialect(client) }));
    const ends = await client.query(CLOSE);
    // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK: an error inside was swallowed by `work`.
    const [end] = ends as unknown as { command: string }[];
    if (end?.command === "ROLLBACK") {
      throw new Error("the transaction had failed before its end and was rolled back");
    }
    return result;
  });
}

/** A Kysely dialect on one connection that is already inside a transaction, which it can't end. */
function singleConnectionDialect(client: PoolClient): PostgresDialect {
  const borrowed = {
    query: client.query.bind(client),
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
