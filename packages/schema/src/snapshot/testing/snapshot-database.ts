import { randomBytes } from "node:crypto";
import type pg from "pg";
import { afterAll, expect } from "vitest";
import { createTestDatabase } from "../../../../../test/support/database.ts";
import { quoteIdentifier } from "../../identifier.ts";
import { createPool } from "../../pool.ts";
import { ensureGateway, gatewayOf } from "../../tenant/gateway.ts";
import { type LoadInput, type LoadOutcome, loadSnapshot } from "../load-snapshot.ts";
import { takeSnapshot } from "../take-snapshot.ts";
import type { SnapshotSource } from "../tenant-snapshot.ts";
import { KeptSnapshot } from "./kept-snapshot.ts";

/** Quotes, a blank and an apostrophe are in every name. */
export function newName(kind = "te\"na'nt"): string {
  return `${kind} ${randomBytes(4).toString("hex")}`;
}

/** A database of a test file's own, with what is done to it again and again. To be asked for in each file: modules are shared. */
export async function openSnapshotDatabase() {
  const { url, adminUrl } = await createTestDatabase();
  const pool = createPool({
    connectionString: url,
    applicationName: "snapshot test",
    max: 8,
    statementTimeout: 60_000,
    lockTimeout: 10_000,
    idleInTransactionTimeout: 60_000,
    onConnectionLost: () => undefined,
  });
  afterAll(() => pool.end());
  const gateway = gatewayOf(randomBytes(4).toString("hex"), 1);
  await ensureGateway(pool, gateway, "only for tests");

  async function run(sql: string): Promise<pg.QueryResult[]> {
    return [await pool.query(sql)].flat();
  }

  async function makeSchema(script: string, schema = newName()): Promise<string> {
    const name = quoteIdentifier(schema);
    await run(`BEGIN; CREATE SCHEMA ${name}; SET LOCAL search_path = ${name}; ${script}; COMMIT`);
    return schema;
  }

  async function take(schema: string): Promise<KeptSnapshot> {
    const kept = new KeptSnapshot();
    const taken = await takeSnapshot(pool, {
      schema,
      lockOut: false,
      sink: kept.sink,
      onTable: async () => undefined,
    });
    expect(taken).toEqual({ contents: kept.contents, figures: kept.figures });
    return kept;
  }

  function load(source: SnapshotSource, change: Partial<LoadInput> = {}): Promise<LoadOutcome> {
    return loadSnapshot(pool, {
      source,
      schema: newName("loaded"),
      role: null,
      gateway: null,
      mayProceed: async () => true,
      onTable: () => undefined,
      finish: async () => "commit",
      ...change,
    });
  }

  async function exists(schema: string): Promise<boolean> {
    const found = await pool.query("SELECT FROM pg_namespace WHERE nspname = $1", [schema]);
    return found.rowCount === 1;
  }

  return { adminUrl, pool, gateway, run, makeSchema, take, load, exists };
}
