import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from "kysely";
import type { PoolClient, QueryConfig } from "../pool.ts";
import { assertStatementAllowed } from "./statement-guard.ts";

/** The way from a tenant's work to its connection. It shuts with the transaction: a Kysely that was kept leads nowhere. */
export class Door implements DatabaseConnection {
  /** A statement spoke of advisory locks. Those of a session outlive the transaction. */
  mayHoldLocks = false;
  readonly #client: PoolClient;
  #shut = false;
  /** The last query that was sent. They run in turn, so with it all have ended. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: PoolClient) {
    this.#client = client;
  }

  /**
   * @throws StatementRefusedError, and the driver's error.
   */
  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#shut) {
      throw new Error("the tenant's transaction has ended; its database handle can't be used any more");
    }
    assertStatementAllowed(sql);
    this.mayHoldLocks ||= /advisory/i.test(sql);
    // The extended protocol takes one statement: none can be smuggled in behind a semicolon.
    const config = { text: sql, values: parameters as unknown[], queryMode: "extended" } as QueryConfig;
    const sent = this.#client.query(config);
    this.#last = sent.catch(() => undefined);
    const { command, rowCount, rows } = await sent;
    const writes =
      command === "INSERT" || command === "UPDATE" || command === "DELETE" || command === "MERGE";
    return writes ? { numAffectedRows: BigInt(rowCount ?? 0), rows } : { rows };
  }

  // biome-ignore lint/correctness/useYield: there is never a row to yield
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error("a tenant's transaction doesn't stream: read in pages instead");
  }

  /** No statement comes after this; waits for those under way, whose connection isn't another's before they end. */
  async close(): Promise<void> {
    this.#shut = true;
    await this.#last;
  }

  shut(): void {
    this.#shut = true;
  }
}

/** What has no state of its own is made once: a Kysely is made for every transaction. */
const adapter = new PostgresAdapter();
const queryCompiler = new PostgresQueryCompiler();

/** Kysely on a connection that is already inside a transaction, which it can't end. */
export function doorDialect(door: Door): Dialect {
  return {
    createAdapter: () => adapter,
    createQueryCompiler: () => queryCompiler,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createDriver: () => new DoorDriver(door),
  };
}

/** `db.transaction()` inside a tenant's transaction is a savepoint: a second BEGIN … COMMIT would end the outer one. */
class DoorDriver implements Driver {
  readonly #door: Door;

  constructor(door: Door) {
    this.#door = door;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#door;
  }

  async beginTransaction(): Promise<void> {
    await this.#door.executeQuery(CompiledQuery.raw("SAVEPOINT inner_transaction"));
  }

  async commitTransaction(): Promise<void> {
    await this.#door.executeQuery(CompiledQuery.raw("RELEASE SAVEPOINT inner_transaction"));
  }

  async rollbackTransaction(): Promise<void> {
    await this.#door.executeQuery(CompiledQuery.raw("ROLLBACK TO SAVEPOINT inner_transaction"));
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}
}
