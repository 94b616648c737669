import type { Pool, PoolClient } from "../pool.ts";
import { mendFunctionPaths } from "../snapshot/function-paths.ts";
import { type LoadOutcome, loadSnapshot } from "../snapshot/load-snapshot.ts";
import type { SnapshotSource } from "../snapshot/tenant-snapshot.ts";
import { CONTROL_SCHEMA, migrateLoadedControl } from "./migrate.ts";

const LOADING = `${CONTROL_SCHEMA}_loading`;

/** The installation holds licenses or operations: its control data aren't replaced. Nothing was changed. */
export class ControlNotEmptyError extends Error {
  override readonly name = "ControlNotEmptyError";

  constructor() {
    super("the installation isn't empty");
  }
}

export interface LoadControlInput {
  readonly source: SnapshotSource;
  /** Asked once, before anything is written. */
  readonly mayProceed: () => Promise<boolean>;
  /** Told before each table. */
  readonly onTable: (table: string, done: number, total: number) => void;
  /** What else belongs into the transaction, when the control data are in place and of this version. */
  readonly conclude: (client: PoolClient) => Promise<void>;
}

/**
 * Puts control data from a snapshot in the place of an empty installation's own, and brings them up to this version, in one
 * transaction.
 *
 * @throws ControlNotEmptyError, ControlSchemaNewerError; what `loadSnapshot`, the source and `conclude` throw.
 */
export async function loadControl(pool: Pool, input: LoadControlInput): Promise<LoadOutcome> {
  return loadSnapshot(pool, {
    source: input.source,
    schema: LOADING,
    role: null,
    gateway: null,
    mayProceed: input.mayProceed,
    onTable: input.onTable,
    finish: async (client) => {
      await assertEmpty(client);
      await client.query(
        `DROP SCHEMA ${CONTROL_SCHEMA} CASCADE; ALTER SCHEMA ${LOADING} RENAME TO ${CONTROL_SCHEMA};
         REVOKE ALL ON SCHEMA ${CONTROL_SCHEMA} FROM PUBLIC; SET LOCAL search_path = ${CONTROL_SCHEMA}`,
      );
      await mendFunctionPaths(client, { schema: CONTROL_SCHEMA, from: LOADING });
      await migrateLoadedControl(client);
      await input.conclude(client);
      return "commit";
    },
  });
}

/** Nobody writes to them any more until they are dropped. */
async function assertEmpty(client: PoolClient): Promise<void> {
  const names = ["licenses", "operations"].map((name) => `${CONTROL_SCHEMA}.${name}`);
  await client.query(`LOCK TABLE ${names.join(", ")} IN ACCESS EXCLUSIVE MODE`);
  const { rows } = await client.query<{ empty: boolean }>(
    `SELECT ${names.map((name) => `NOT EXISTS (SELECT FROM ${name})`).join(" AND ")} AS empty`,
  );
  if (rows[0]?.empty !== true) throw new ControlNotEmptyError();
}
