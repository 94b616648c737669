import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { BOOKING_MIGRATIONS, BOOKING_TABLES, type BookingVersion } from "./booking-tables.ts";
import { withDatabase } from "./ded-source.ts";
import { insertRow } from "./plant.ts";

export interface BookingSourceInput {
  readonly clients: readonly BookingClientInput[];
  /** `folders`: `client_001/bookings.db`; `server`, as on the bot's own: `clients/client_001/data/bookings.db`. */
  readonly layout?: "folders" | "server";
}

export interface BookingClientInput {
  /** Made of its place when left out: `client_001`. */
  readonly name?: string;
  /** The older when left out. */
  readonly version?: BookingVersion;
  readonly users?: number;
  /** A booking an hour, ten a day, from 2025-01-06 on; users go round. */
  readonly bookings?: number;
  readonly analytics?: number;
  readonly feedback?: number;
  /** For whatever is odd: done last, over the whole file. */
  readonly change?: (db: DatabaseSync) => void;
}

export interface BookingSource {
  /** Absolute. */
  readonly folder: string;
  /** Relative to the folder, in the order asked for. */
  readonly files: readonly string[];
  path(relative: string): string;
  edit(relative: string, change: (db: DatabaseSync) => void): void;
}

export const BOOKING_SUPER_ADMIN = 9_700_000_101;

const FIRST_USER = 9_100_000_001;
const FIRST_DAY_MS = Date.UTC(2025, 0, 6);
const DAY_MS = 86_400_000;

/** Writes a source of the booking bot into an empty folder: a file for each client. */
export function writeBookingSource(folder: string, input: BookingSourceInput): BookingSource {
  const path = (relative: string): string => join(folder, relative);
  const edit = (relative: string, change: (db: DatabaseSync) => void): void =>
    withDatabase(path(relative), change);
  const files = input.clients.map((client, index) => {
    const name = client.name ?? `client_${String(index + 1).padStart(3, "0")}`;
    const file = input.layout === "server" ? `clients/${name}/data/bookings.db` : `${name}/bookings.db`;
    mkdirSync(dirname(path(file)), { recursive: true });
    edit(file, (db) => writeClient(db, client));
    return file;
  });
  return { folder, files, path, edit };
}

function writeClient(db: DatabaseSync, client: BookingClientInput): void {
  const version = client.version ?? "older";
  db.exec(BOOKING_TABLES[version]);
  db.exec("BEGIN");
  for (const each of BOOKING_MIGRATIONS[version]) {
    insertRow(db, "schema_migrations", {
      version: each,
      description: `Migration ${each}`,
      applied_at: "2025-01-01 09:00:00",
    });
  }
  if (version === "newer") writeShop(db);
  const users = client.users ?? 3;
  repeat(users, (n) => ({ table: "users", row: { user_id: FIRST_USER + n, first_seen: moscow(n) } }));
  repeat(client.bookings ?? 0, (n) => ({
    table: "bookings",
    row: {
      id: n + 1,
      date: day(Math.floor(n / 10)),
      time: `${String(9 + (n % 10)).padStart(2, "0")}:00`,
      user_id: userOf(n, users),
      username: n % 2 === 0 ? `user_${n}_example` : "Ольга ✨",
      created_at: moscow(n),
      ...(version === "newer" ? { service_id: 1 + (n % 2), duration_minutes: 60 } : {}),
    },
  }));
  repeat(client.analytics ?? 0, (n) => ({
    table: "analytics",
    row: {
      user_id: userOf(n, users),
      event: n % 2 === 0 ? "booking_started" : "booking_created",
      data: n % 2 === 0 ? "" : `${day(n % 365)} 10:00`,
      timestamp: moscow(n),
    },
  }));
  // Bookings that feedback speaks of are mostly gone.
  repeat(client.feedback ?? 0, (n) => ({
    table: "feedback",
    row: { user_id: userOf(n, users), booking_id: 10_000 + n, rating: 1 + (n % 5), timestamp: moscow(n) },
  }));
  db.exec("COMMIT");
  client.change?.(db);

  function repeat(
    count: number,
    make: (n: number) => { table: string; row: Readonly<Record<string, SQLInputValue>> },
  ): void {
    for (let n = 0; n < count; n++) {
      const { table, row } = make(n);
      insertRow(db, table, row);
    }
  }
}

/** What a client of the newer version has set up. */
function writeShop(db: DatabaseSync): void {
  for (const [id, name, price] of [
    [1, "Консультация", "3000 ₽"],
    [2, "Маникюр", "от 2500 ₽"],
  ] as const) {
    insertRow(db, "services", { id, name, duration_minutes: 60, price, display_order: id });
  }
  insertRow(db, "admins", {
    user_id: BOOKING_SUPER_ADMIN,
    username: null,
    added_at: moscow(0),
    role: "super_admin",
  });
  insertRow(db, "settings", { key: "work_hours_start", value: "9", updated_at: "2025-01-01 09:00:00" });
  insertRow(db, "schedule_settings", { id: 1 });
  for (let weekday = 0; weekday < 7; weekday++) {
    insertRow(db, "work_schedule", {
      weekday,
      is_working: weekday < 6 ? 1 : 0,
      shift1_start: weekday < 6 ? "09:00" : null,
      shift1_end: weekday < 6 ? "20:00" : null,
      updated_at: "2025-01-01 09:00:00",
    });
  }
}

function userOf(n: number, users: number): number {
  return FIRST_USER + (n % users);
}

function day(n: number): string {
  return new Date(FIRST_DAY_MS + n * DAY_MS).toISOString().slice(0, 10);
}

/** As the bot writes a moment: Moscow's time with its offset. */
function moscow(n: number): string {
  const at = new Date(FIRST_DAY_MS + n * 60_000).toISOString();
  return `${at.slice(0, 19)}.${String((n * 7_919) % 999_983).padStart(6, "0")}+03:00`;
}
