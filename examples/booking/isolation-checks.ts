import { randomInt, randomUUID } from "node:crypto";
import { booking } from "@tenantry/schema/blueprints/booking";
import { type TenancyContext, tenantTables } from "@tenantry/tenancy";
import { sql } from "kysely";
import { type BotClient, type BotClients, inClient } from "./clients.ts";
import { insertBooking } from "./repositories/bookings.ts";
import { meetUser } from "./repositories/users.ts";

/** What one check looked at and came to. */
export interface Check {
  readonly passed: boolean;
  readonly title: string;
  readonly seen: readonly string[];
}

/** The three checks of the bot's old audit: schemas, tables, and whether a booking stays where it was made. */
export async function* checkIsolation(ctx: TenancyContext, clients: BotClients): AsyncGenerator<Check> {
  const [first, second] = [...clients.values()];
  if (first === undefined || second === undefined) throw new Error("the audit compares two clients");
  yield await schemasExist(ctx, clients);
  yield await tablesAreThere(ctx, clients);
  yield await bookingStaysAtHome(ctx, first, second);
}

export function describeCheck({ passed, title, seen }: Check): string {
  return [`${passed ? "✓" : "✗"} ${title}`, ...seen.map((line) => `    ${line}`)].join("\n");
}

async function schemasExist(ctx: TenancyContext, clients: BotClients): Promise<Check> {
  const names = [...clients.keys()];
  const found = await sql<{ name: string }>`
    select nspname as name from pg_catalog.pg_namespace where nspname = any(${names})`.execute(ctx.control);
  const there = new Set(found.rows.map(({ name }) => name));
  return {
    passed: names.every((name) => there.has(name)),
    title: "Each client has a schema of its own",
    seen: names.map((name) => `${name}: ${there.has(name) ? "exists" : "is missing"}`),
  };
}

/** As each client's own role sees them. */
async function tablesAreThere(ctx: TenancyContext, clients: BotClients): Promise<Check> {
  const wanted = ctx.blueprints.get(booking.name)?.tableCount ?? 0;
  const seen: string[] = [];
  let passed = true;
  for (const { name, tenant } of clients.values()) {
    const tables = await tenantTables(ctx, tenant);
    passed &&= tables.length >= wanted;
    const filled = tables.filter(({ rows }) => rows > 0);
    seen.push(
      `${name}: ${tables.length} of ${wanted} tables; ${filled.map((table) => `${table.name} ${table.rows}`).join(", ")}`,
    );
  }
  return { passed, title: "All tables are in each of them", seen };
}

/** Far enough ahead that no customer wants it. */
const FAR_DATE = "2199-12-31";

async function bookingStaysAtHome(ctx: TenancyContext, home: BotClient, other: BotClient): Promise<Check> {
  const marker = `audit ${randomUUID()}`;
  const time = `${String(randomInt(24)).padStart(2, "0")}:${String(randomInt(60)).padStart(2, "0")}`;
  // Telegram's people have ids above zero: this is nobody's.
  const userId = String(-randomInt(1, 2 ** 47));
  const visit = { userId, username: marker, serviceId: 1, date: FAR_DATE, time, minutes: 1 };
  const { id } = await inClient(ctx, home, async (db) => {
    await meetUser(db, { id: userId, username: marker });
    return insertBooking(db, visit);
  });
  try {
    const [atHome, elsewhere] = await Promise.all([home, other].map((client) => marked(ctx, client, marker)));
    const door = await knock(ctx, home, other);
    return {
      passed: atHome === 1 && elsewhere === 0 && door === "refused",
      title: `A booking made for ${home.name} is not there for ${other.name}`,
      seen: [
        `${home.name}: booking ${id}, looked for by its mark: ${atHome} found`,
        `${other.name}: the same mark: ${elsewhere} found`,
        `${other.name} asks for ${home.name}.bookings by name: ${door}`,
      ],
    };
  } finally {
    await inClient(ctx, home, async (db) => {
      await db.deleteFrom("bookings").where("username", "=", marker).execute();
      await db.deleteFrom("users").where("user_id", "=", userId).execute();
    });
  }
}

async function marked(ctx: TenancyContext, client: BotClient, marker: string): Promise<number> {
  return inClient(ctx, client, async (db) => {
    const rows = await db.selectFrom("bookings").select("id").where("username", "=", marker).execute();
    return rows.length;
  });
}

async function knock(ctx: TenancyContext, home: BotClient, other: BotClient): Promise<string> {
  const INSUFFICIENT_PRIVILEGE = "42501";
  try {
    await inClient(ctx, other, async (db) => {
      await sql`select 1 from ${sql.table(`${home.name}.bookings`)}`.execute(db);
    });
    return "let in";
  } catch (error) {
    if ((error as { code?: string }).code === INSUFFICIENT_PRIVILEGE) return "refused";
    throw error;
  }
}
