import { Kysely, PostgresDialect, WithSchemaPlugin } from "kysely";
import type { Pool, PoolClient } from "../pool.ts";
import { CONTROL_SCHEMA } from "./migrate.ts";
import type { ControlTables } from "./tables.ts";

/** Kysely on the control schema: builder queries are qualified with it, raw `sql` has to say `tenantry.` itself. */
export type ControlDatabase = Kysely<ControlTables>;

/** Wraps a pool; the pool stays its owner's to end. */
export function controlDatabase(pool: Pool): ControlDatabase {
  return new Kysely<ControlTables>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new WithSchemaPlugin(CONTROL_SCHEMA)],
  });
}

/** The same inside a transaction that somebody has open on the control database. It begins and ends none of its own. */
export function controlWithin(client: PoolClient): ControlDatabase {
  const query = client.query.bind(client);
  return new Kysely<ControlTables>({
    dialect: new PostgresDialect({
      pool: {
        connect: async () => ({ query, release: () => undefined }) as unknown as PoolClient,
        end: async () => undefined,
        options: {},
      },
    }),
    plugins: [new WithSchemaPlugin(CONTROL_SCHEMA)],
  });
}
