import type { DatabaseSync } from "node:sqlite";
import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import { describe, expect, it } from "vitest";
import { bookingSource, dedSource, insertRow, plant } from "./support/legacy-files.ts";
import { createMover, type MovedLicense } from "./support/move-source.ts";

const { moveSource, rowsOf } = await createMover();

type BookingChange = (db: DatabaseSync) => void;

/** Moves one client of the bot whose file was made with a hand in it. */
async function moveClient(
  version: "older" | "newer",
  change: BookingChange,
  timeZone: string | null = null,
  counts: { users?: number; bookings?: number; analytics?: number; feedback?: number } = {},
): Promise<MovedLicense> {
  const source = bookingSource({ clients: [{ version, ...counts, change }] });
  const { moved } = await moveSource(booking as never, booking.legacy?.[0] as never, source.folder, timeZone);
  return moved[0] as MovedLicense;
}

async function moveErp(rows: Readonly<Record<string, number>>, change: BookingChange): Promise<MovedLicense> {
  const source = dedSource({ licenses: [{ file: { rows, change } }] });
  const { moved } = await moveSource(erp, erp.legacy?.[0] as never, source.folder);
  return moved[0] as MovedLicense;
}

function trouble({ outcome, quarantined }: MovedLicense): unknown[] {
  expect(outcome).toMatchObject({ kind: "imported", figures: { tries: 1 } });
  return quarantined.map(({ table, rowId, code }) => [table, rowId, code]);
}

const [FIRST, SECOND] = [9_100_000_001, 9_100_000_002];

describe("a booking client", () => {
  it("brings appointments that overlap, however many, and no new one may", async () => {
    const client = await moveClient("newer", (db) => {
      for (let n = 0; n < 150; n++) {
        insertRow(db, "bookings", {
          date: "2026-03-02",
          time: `${String(8 + Math.floor(n / 20)).padStart(2, "0")}:${String((n % 20) * 3).padStart(2, "0")}`,
          user_id: FIRST,
          created_at: "2026-01-30T21:14:05.118820+03:00",
          duration_minutes: 60,
        });
      }
    });
    expect(trouble(client)).toEqual([]);
    expect(await rowsOf(client, "select count(*)::int from bookings where imported")).toEqual([
      { count: 150 },
    ]);
    await expect(
      rowsOf(client, `insert into bookings (date, time, user_id) values ('2026-03-02', '08:01', ${FIRST})`),
    ).rejects.toMatchObject({ code: "23P01" });
  });

  it("has what triggers keep of a user as they would have kept it", async () => {
    const client = await moveClient(
      "newer",
      (db) => {
        insertRow(db, "users", { user_id: 1410, first_seen: "2025-05-05T11:02:50.209160+03:00" });
        plant(db, "bookings", 2, { username: null });
        insertRow(db, "analytics", {
          user_id: 1410,
          event: "reminder_sent",
          timestamp: "2027-01-01T00:00:00+03:00",
        });
        insertRow(db, "analytics", {
          user_id: null,
          event: "booking_started",
          timestamp: "2027-01-01T00:00:00",
        });
      },
      null,
      { users: 4, bookings: 37, analytics: 25, feedback: 9 },
    );
    const kept =
      "select user_id, booking_count, purged_count, username, last_activity from users order by user_id";
    const imported = await rowsOf(client, kept);
    expect(imported).toHaveLength(5);
    // The same rows once more, one by one, with the triggers at work.
    const again = await rowsOf(
      client,
      `create temporary table b as select * from bookings; create temporary table a as select * from analytics;
       create temporary table f as select * from feedback;
       delete from bookings; delete from analytics; delete from feedback;
       update users set booking_count = 0, username = null, last_activity = null;
       insert into bookings (id, date, time, user_id, username, service_id, duration_minutes, created_at, imported)
         select id, date, time, user_id, username, service_id, duration_minutes, created_at, true from b order by id;
       insert into analytics select * from a order by id;
       insert into feedback select * from f order by id`,
    ).then(() => rowsOf(client, kept));
    expect(imported).toEqual(again);
    expect(imported.find(({ user_id }) => user_id === "1410")).toMatchObject({
      booking_count: 0,
      username: null,
      last_activity: null,
    });
  });

  it("reads times without a zone as Moscow's, or the run's; SQLite's own are UTC whatever anybody says", async () => {
    const change = (db: DatabaseSync): void => {
      plant(db, "bookings", 1, { created_at: "2025-12-14T17:46:10", time: "9:00" });
      plant(db, "users", FIRST, { first_seen: "2025-12-14 17:46:10.5" });
      insertRow(db, "settings", { key: "a", value: "1", updated_at: "2025-12-14 17:46:10" });
      insertRow(db, "blocked_slots", {
        date: "2026-01-01",
        time: "10:00",
        blocked_by: 1,
        blocked_at: "2025-12-14 17:46:10",
      });
    };
    const moments = async (timeZone: string | null) => {
      const client = await moveClient("newer", change, timeZone, { users: 1, bookings: 1 });
      expect(trouble(client)).toEqual([]);
      const [row] = await rowsOf(
        client,
        `select (select created_at from bookings where time = '09:00') as booked, (select first_seen from users) as seen,
           (select updated_at from settings where key = 'a') as set, (select blocked_at from blocked_slots) as blocked`,
      );
      return Object.values(row ?? {}).map((at) => (at as Date).toISOString().slice(11, 16));
    };
    expect(await moments(null)).toEqual(["14:46", "14:46", "17:46", "17:46"]);
    expect(await moments("Asia/Tokyo")).toEqual(["08:46", "08:46", "17:46", "17:46"]);
  });

  it("has prices that are numbers as numbers, and all of them in their words", async () => {
    const prices = [
      ["1500 ₽", "1500.00"],
      ["  2 800 руб.", "2800.00"],
      ["2\u00a0800\u00a0₽", "2800.00"],
      ["12\u202f500 р.", "12500.00"],
      ["1 200 300.5", "1200300.50"],
      ["0", "0.00"],
      ["9999999999.99", "9999999999.99"],
      ["99999999999", null],
      ["1,500 ₽", null],
      ["1.500 ₽", null],
      ["28 00 ₽", null],
      ["-500", null],
      ["1500 $", null],
      ["1500-2000 ₽", null],
      ["от 2500 ₽", null],
      ["", null],
    ];
    const client = await moveClient("newer", (db) => {
      for (const [at, [price]] of prices.entries()) {
        insertRow(db, "services", {
          id: 10 + at,
          name: `service ${at}`,
          duration_minutes: 60,
          price: price ?? null,
        });
      }
    });
    expect(trouble(client)).toEqual([]);
    const services = await rowsOf(
      client,
      "select price, price_text from services where id >= 10 order by id",
    );
    expect(services.map(({ price, price_text }) => [price_text, price])).toEqual(prices);
  });

  it("keeps words as JSON strings, also where they look like numbers or documents", async () => {
    const client = await moveClient("newer", (db) => {
      for (const data of ["5", '{"a": 1}', "", null, "2025-05-19 13:30 service_id=5"]) {
        insertRow(db, "analytics", {
          user_id: FIRST,
          event: "e",
          data,
          timestamp: "2025-05-05T10:42:38+03:00",
        });
      }
      insertRow(db, "audit_log", {
        admin_id: 1,
        action: "a",
        details: "from=18 to=20",
        timestamp: "2025-05-05T10:42:38+03:00",
      });
    });
    expect(trouble(client)).toEqual([]);
    expect(
      await rowsOf(
        client,
        "select jsonb_typeof(data) as type, data #>> '{}' as text from analytics order by id",
      ),
    ).toEqual([
      { type: "string", text: "5" },
      { type: "string", text: '{"a": 1}' },
      { type: "string", text: "" },
      { type: null, text: null },
      { type: "string", text: "2025-05-19 13:30 service_id=5" },
    ]);
    expect(await rowsOf(client, "select details from audit_log")).toEqual([{ details: "from=18 to=20" }]);
  });

  it("keeps a setting that isn't of its type, as text", async () => {
    const client = await moveClient("newer", (db) => {
      db.prepare("update settings set value = ? where key = 'work_hours_start'").run("half past nine");
      insertRow(db, "settings", {
        key: "cancellation_hours",
        value: "48",
        updated_at: "2025-05-05 09:00:00",
      });
    });
    expect(trouble(client)).toEqual([]);
    expect(
      await rowsOf(
        client,
        "select key, value, type from settings where key in ('work_hours_start', 'cancellation_hours') order by key",
      ),
    ).toEqual([
      { key: "cancellation_hours", value: "48", type: "integer" },
      { key: "work_hours_start", value: "half past nine", type: "text" },
    ]);
  });

  it("of the older version gets its owner from the mapping file, once it is given", async () => {
    const source = bookingSource({ clients: [{ version: "older" }] });
    const system = booking.legacy?.[0];
    const named = {
      ...(system as NonNullable<typeof system>),
      findLicenses: async (...args: Parameters<NonNullable<typeof system>["findLicenses"]>) => {
        const found = await (system as NonNullable<typeof system>).findLicenses(...args);
        return {
          ...found,
          licenses: found.licenses.map((each) => ({ ...each, parameters: { adminTelegramId: 42 } })),
        };
      },
    };
    const { moved } = await moveSource(booking as never, named, source.folder);
    expect(await rowsOf(moved[0] as MovedLicense, "select user_id, role from admins")).toEqual([
      { user_id: "42", role: "super_admin" },
    ]);
    const none = await moveClient("older", () => undefined);
    expect(await rowsOf(none, "select from admins")).toEqual([]);
  });

  it("keeps columns and tables of other versions beside the known ones", async () => {
    const client = await moveClient("newer", (db) => {
      db.exec("ALTER TABLE users ADD COLUMN username TEXT; ALTER TABLE users ADD COLUMN phone TEXT");
      db.exec(`UPDATE users SET username = 'their own', phone = '+7' WHERE user_id = ${SECOND}`);
      db.exec(`CREATE TABLE "order" (id, "what ""is"" it")`);
      db.exec(`INSERT INTO "order" VALUES (1, 'x'), (NULL, x'ff00')`);
    });
    expect(trouble(client)).toEqual([]);
    expect(await rowsOf(client, `select * from legacy_users where user_id = '${SECOND}'`)).toEqual([
      { user_id: String(SECOND), username: "their own", phone: "+7" },
    ]);
    expect(await rowsOf(client, `select * from legacy_order order by id`)).toEqual([
      { id: "1", 'what "is" it': "x" },
      { id: null, 'what "is" it': "\\xff00" },
    ]);
  });

  it("has wrong admins, ratings and users of nobody told, and no more", async () => {
    const client = await moveClient(
      "newer",
      (db) => {
        insertRow(db, "admins", { user_id: 5, added_at: "2025-05-05T10:42:38+03:00", role: "owner" });
        insertRow(db, "admins", { user_id: 6, added_at: "2025-05-05T10:42:38+03:00", role: null });
        plant(db, "feedback", 1, { rating: 6 });
        plant(db, "feedback", 2, { user_id: 77 });
        plant(db, "feedback", 3, { rating: "4", booking_id: null });
        plant(db, "bookings", 1, { duration_minutes: 0 });
        plant(db, "bookings", 2, { duration_minutes: null });
      },
      null,
      { users: 2, bookings: 3, feedback: 3 },
    );
    expect(trouble(client)).toEqual([
      ["admins", "5", "not-allowed"],
      ["bookings", "1", "out-of-range"],
      ["feedback", "1", "out-of-range"],
      ["feedback", "2", "orphan"],
    ]);
    expect(await rowsOf(client, "select role from admins where user_id = 6")).toEqual([
      { role: "moderator" },
    ]);
    expect(await rowsOf(client, "select duration_minutes from bookings where id = 2")).toEqual([
      { duration_minutes: 60 },
    ]);
  });
});

describe("an ERP license", () => {
  const documents = {
    customers: 2,
    suppliers: 1,
    products: 2,
    warehouses: 1,
    sales_invoices: 1,
    payments: 4,
    stock_movements: 7,
  };

  it("has references by kind found out before PostgreSQL is asked", async () => {
    const license = await moveErp(documents, (db) => {
      const movements = [
        ["sales_invoice", 1],
        ["sales_invoice_cancel", 9901],
        ["sales_invoice_delete", 9901],
        ["pos_order", 9901],
        ["initial_stock", 2],
        ["initial_stock", 1],
        ["damaged", null],
      ] as const;
      for (const [at, [reference_type, reference_id]] of movements.entries()) {
        plant(db, "stock_movements", at + 1, { reference_type, reference_id, product_id: 2 });
      }
      const parties = [
        ["customer", 1],
        ["supplier", 2],
        [null, 9901],
        ["customer", null],
      ] as const;
      for (const [at, [party_type, party_id]] of parties.entries()) {
        plant(db, "payments", at + 1, { party_type, party_id });
      }
      plant(db, "sales_invoices", 1, { customer_id: 1 });
    });
    expect(trouble(license).sort()).toEqual([
      ["payments", "2", "orphan"],
      ["stock_movements", "2", "orphan"],
      ["stock_movements", "4", "orphan"],
      ["stock_movements", "6", "not-allowed"],
    ]);
  });

  it("has rows go with the row that they hang on, by whatever reference", async () => {
    const license = await moveErp(documents, (db) => {
      plant(db, "customers", 1, { code: "C".repeat(21) });
      plant(db, "sales_invoices", 1, { customer_id: 1 });
      plant(db, "stock_movements", 1, { reference_type: "sales_invoice", reference_id: 1 });
      plant(db, "stock_movements", 2, { reference_type: "sales_invoice_delete", reference_id: 1 });
      plant(db, "payments", 1, { party_type: "customer", party_id: 1 });
      plant(db, "payments", 2, { party_type: "customer", party_id: 2 });
    });
    expect(trouble(license).sort()).toEqual([
      ["customers", "1", "too-long"],
      ["payments", "1", "depends"],
      ["sales_invoices", "1", "depends"],
      ["stock_movements", "1", "depends"],
    ]);
  });

  it("shows no password's hash, not even of a user who can't come in", async () => {
    const license = await moveErp({}, (db) => {
      insertRow(db, "users", {
        id: 5,
        username: "x".repeat(65),
        email: "a@b",
        password_hash: "pbkdf2:sha256:1$salt$hash",
      });
      insertRow(db, "users", {
        id: 6,
        username: "sixth",
        email: "c@d",
        password_hash: "pbkdf2:sha256:1$salt$hash",
      });
    });
    expect(trouble(license)).toEqual([["users", "5", "too-long"]]);
    expect(JSON.stringify(license.quarantined)).not.toContain("salt");
    expect(await rowsOf(license, "select password_hash from users where id = 6")).toEqual([
      { password_hash: "pbkdf2:sha256:1$salt$hash" },
    ]);
  });

  it("keeps its own rows of the file's licenses, and nobody else's", async () => {
    const source = dedSource({ licenses: [{ key: "AAAA-1", file: {} }, { key: "BBBB-2" }] });
    source.edit("tenant_databases/tenant_AAAA_1.db", (db) => {
      for (const [id, license_key] of [
        [2, "BBBB-2"],
        [7, "AAAA-1"],
      ] as const) {
        insertRow(db, "license", {
          id,
          license_key,
          license_hash: "",
          client_name: "x",
          admin_password_hash: "pbkdf2:1",
        });
        insertRow(db, "license_checks", { license_id: id, is_valid: 1 });
      }
    });
    const { moved } = await moveSource(erp, erp.legacy?.[0] as never, source.folder);
    const license = moved[0] as MovedLicense;
    expect(trouble(license).sort()).toEqual([
      ["license", "2", "other-license"],
      ["license_checks", "1", "other-license"],
    ]);
    expect(JSON.stringify(license.quarantined)).not.toContain("pbkdf2");
    expect(await rowsOf(license, "select id, license_key from legacy_license")).toEqual([
      { id: "7", license_key: "AAAA-1" },
    ]);
    expect(await rowsOf(license, "select license_id from legacy_license_checks")).toEqual([
      { license_id: "7" },
    ]);
  });

  it("has an empty choice of a form as nothing, and as the default where there has to be one", async () => {
    const license = await moveErp({ employees: 1, customers: 1, products: 1 }, (db) => {
      plant(db, "employees", 1, { gender: "", marital_status: "", employment_status: "", hire_date: "" });
      plant(db, "customers", 1, {
        customer_type: null,
        current_balance: null,
        credit_limit: "",
        created_at: null,
      });
      plant(db, "products", 1, { is_active: null, min_price: "" });
    });
    expect(trouble(license)).toEqual([]);
    expect(
      await rowsOf(license, "select gender, marital_status, employment_status, hire_date from employees"),
    ).toEqual([{ gender: null, marital_status: null, employment_status: "active", hire_date: null }]);
    expect(
      await rowsOf(
        license,
        `select customer_type, current_balance = 0 as zero, credit_limit, created_at > now() - interval '1 hour' as new from customers`,
      ),
    ).toEqual([{ customer_type: "individual", zero: true, credit_limit: null, new: true }]);
    expect(await rowsOf(license, "select is_active, min_price from products")).toEqual([
      { is_active: true, min_price: null },
    ]);
  });
});
