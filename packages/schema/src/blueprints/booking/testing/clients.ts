import { sql } from "kysely";
import { afterAll, expect } from "vitest";
import { createTestDatabase } from "../../../../../../test/support/database.ts";
import { compileBlueprint } from "../../../blueprint/compile.ts";
import type { AnyKysely } from "../../../blueprint/define.ts";
import { createPool } from "../../../pool.ts";
import { provisionTenant } from "../../../tenant/provision.ts";
import { type TenantScope, tenantTransaction } from "../../../tenant/transaction.ts";
import { booking } from "../index.ts";

export type Row = Record<string, unknown>;

/** Telegram ids as they are: beyond an integer. */
export const OWNER = 9_700_000_001;
export const ANNA = "9110016081";
export const PYOTR = "9876497520";

export const OVERLAP = { code: "23P01", constraint: "bookings_no_overlap" };
export const SAME_START = { code: "23505", constraint: "bookings_date_time_key" };
export const NO_DURATION = { code: "23514", constraint: "duration_check" };

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
  afterAll(() => pool.end());
  const compiled = await compileBlueprint(booking);
  let count = 0;

  const within = <T>(scope: TenantScope, work: (db: AnyKysely) => Promise<T>): Promise<T> =>
    tenantTransaction(pool, scope, work);

  /** One statement as the tenant's role, in the tenant's schema, as an application would run it. */
  const run = (scope: TenantScope, text: string): Promise<Row[]> =>
    within(scope, async (db) => (await sql.raw<Row>(text).execute(db)).rows);

  /** A client named as the bot's are, with two users who haven't booked yet. */
  const newClient = async (): Promise<TenantScope> => {
    count += 1;
    const schema = `client_${String(count).padStart(3, "0")}`;
    // Roles belong to the whole server, which other test files share.
    const role = `${schema}_${new URL(database.url).username}`;
    const outcome = await provisionTenant(pool, {
      tenantId: `01900000-0000-7000-8000-${String(count).padStart(12, "0")}`,
      operationId: "01900000-0000-7000-8000-000000000000",
      schema,
      role,
      blueprint: compiled,
      seed: {
        license: { key: `KEY-${count}`, clientName: "Студия", email: null, phone: null, company: null },
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

  const book = async (scope: TenantScope, slot: Slot): Promise<number> => {
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
