import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, expect } from "vitest";
import { createTestDatabase } from "../../../../../../test/support/database.ts";
import { compileBlueprint } from "../../../blueprint/compile.ts";
import { quoteIdentifier } from "../../../identifier.ts";
import { createPool } from "../../../pool.ts";
import { ensureGateway, gatewayOf } from "../../../tenant/gateway.ts";
import { provisionTenant } from "../../../tenant/provision.ts";
import { booking } from "../index.ts";

export type Row = Record<string, unknown>;

export interface Client {
  readonly schema: string;
  readonly role: string;
}

/** Sends SQL text, and returns the rows of its one statement. */
export type Execute = (text: string) => Promise<Row[]>;

/** Telegram ids as they are: beyond an integer. */
export const OWNER = 9_700_000_001;
export const ANNA = "9110016081";
export const PYOTR = "9876497520";

export const OVERLAP = { code: "23P01", constraint: "bookings_no_overlap" };
export const SAME_START = { code: "23505", constraint: "bookings_date_time_key" };
export const NO_DURATION = { code: "23514", constraint: "duration_check" };

const LICENSE = {
  clientName: "Студия",
  email: null,
  phone: null,
  company: null,
  maxUsers: 1,
  maxBranches: 1,
};

export interface Slot {
  readonly date?: string;
  readonly time: string;
  readonly minutes?: number;
  readonly user?: string;
}

/** Clients of the booking bot in a database of one test file's own. */
export async function createTestClients() {
  const database = await createTestDatabase();
  const pool = createPool({
    connectionString: database.url,
    applicationName: "test",
    max: 8,
    statementTimeout: 30_000,
    lockTimeout: 10_000,
    idleInTransactionTimeout: 15_000,
    onConnectionLost: () => undefined,
  });
  // Not through withTenant, which refuses what is tried here: other paths, other settings.
  const serving = new pg.Pool({ connectionString: database.adminUrl, max: 8 });
  afterAll(() => Promise.all([pool.end(), serving.end()]));
  const compiled = await compileBlueprint(booking);
  const gateway = gatewayOf(randomBytes(6).toString("hex"), 1);
  await ensureGateway(pool, gateway, "password");
  let count = 0;

  /** A transaction as the tenant's role, with the tenant's schema on the path. */
  const within = async <T>({ schema, role }: Client, work: (execute: Execute) => Promise<T>): Promise<T> => {
    const client = await serving.connect();
    const [path, user] = [schema, role].map(quoteIdentifier);
    try {
      await client.query(`begin; set local role ${user}; set local search_path = ${path}, pg_temp`);
      const result = await work(async (text) => (await client.query<Row>(text)).rows);
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback");
      throw error;
    } finally {
      client.release();
    }
  };

  /** One statement of an application's. */
  const run = (client: Client, text: string): Promise<Row[]> => within(client, (execute) => execute(text));

  /** A client named as the bot's are, with two users who haven't booked yet. */
  const newClient = async (): Promise<Client> => {
    count += 1;
    const schema = `client_${String(count).padStart(3, "0")}`;
    // Roles belong to the whole server, which other test files share.
    const role = `${schema}_${new URL(database.url).username}`;
    const outcome = await provisionTenant(pool, {
      tenantId: `01900000-0000-7000-8000-${String(count).padStart(12, "0")}`,
      operationId: "01900000-0000-7000-8000-000000000000",
      schema,
      role,
      gateway,
      blueprint: compiled,
      seed: {
        license: { ...LICENSE, key: `KEY-${count}` },
        admin: null,
        parameters: { adminTelegramId: OWNER },
      },
      mayProceed: async () => true,
      onStep: () => undefined,
    });
    expect(outcome).toEqual({ kind: "created" });
    const scope = { schema, role };
    await run(scope, `insert into users (user_id) values (${ANNA}), (${PYOTR})`);
    return scope;
  };

  const book = async (scope: Client, slot: Slot): Promise<number> => {
    const { date = "2026-03-02", time, minutes = 60, user = ANNA } = slot;
    const [row] = await run(
      scope,
      `insert into bookings (date, time, user_id, username, duration_minutes)
       values ('${date}', '${time}', ${user}, 'anna', ${minutes}) returning id`,
    );
    return row?.id as number;
  };

  return { database, newClient, within, run, book };
}
