import { existsSync } from "node:fs";
import { join } from "node:path";
import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import { beforeAll, describe, expect, it } from "vitest";
import { createMover, type MovedLicense, type MovedSource } from "./support/move-source.ts";

/** A folder of sample files of both legacy systems, which a checkout needn't have; its README says what is odd in them. */
const SAMPLES = process.env.LEGACY_SAMPLES ?? "";
const there = existsSync(SAMPLES);

const { moveSource, rowsOf } = await createMover();

function trouble({ moved }: MovedSource): unknown[] {
  return moved.flatMap(({ license, quarantined }) =>
    quarantined.map(({ table, rowId, column, code }) => [license.name, table, rowId, column, code]),
  );
}

/** What was converted other than noise of doubles and times without microseconds of SQLite's own making. */
function conversions({ outcome }: MovedLicense, kinds: readonly string[]): (string | number)[][] {
  if (outcome.kind !== "imported") throw new Error(outcome.kind);
  return outcome.figures.tables.flatMap(({ target, converted }) =>
    Object.entries(converted).flatMap(([column, counts]) =>
      Object.entries(counts)
        .filter(([kind]) => kinds.includes(kind))
        .map(([kind, count]) => [target, column, kind, count]),
    ),
  );
}

function byName(source: MovedSource, name: string): MovedLicense {
  const found = source.moved.find(({ license }) => license.name === name);
  if (found === undefined) throw new Error(`no license ${name} was moved`);
  return found;
}

describe.runIf(there)("the samples of the old ERP", () => {
  let source: MovedSource;
  beforeAll(async () => {
    source = await moveSource(erp, erp.legacy?.[0] as never, join(SAMPLES, "ded"));
  }, 120_000);

  it("bring in every file at the first try, and every row but those that are known to be odd", () => {
    expect(source.moved.map(({ outcome }) => outcome)).toMatchObject(
      Array.from({ length: 9 }, () => ({ kind: "imported", figures: { tries: 1 } })),
    );
    expect(trouble(source)).toEqual([
      ["FF79-7116-A006-9681", "sales_invoice_items", "41", "product_id", "orphan"],
      ["FF1F-2E10-3A72-F144", "security_logs", "101", "user_id", "orphan"],
      ["0D2F-B382-E95A-A467", "licenses", "2", "license_key", "other-license"],
    ]);
  });

  it("have what is odd and yet clear converted, and told", () => {
    const kinds = ["empty-to-null", "null-to-default", "date-only", "whole-seconds", "text-to-number"];
    const of = (key: string) =>
      conversions(byName(source, key), kinds).filter(([, column]) => column !== "marital_status");
    expect(of("AB0A-EBB2-F3D5-CC33")).toEqual([
      ["suppliers", "payment_terms", "empty-to-null", 1],
      ["products", "min_price", "empty-to-null", 1],
      ["products", "max_stock", "empty-to-null", 1],
    ]);
    expect(of("FF1F-2E10-3A72-F144")).toEqual([["journal_entries", "created_at", "whole-seconds", 1]]);
    expect(of("FF79-7116-A006-9681")).toEqual([["customers", "created_at", "date-only", 1]]);
  });

  it("leave nothing out without a reason", () => {
    for (const { planned } of source.moved) {
      expect(planned.leftOut.map(({ table, column }) => `${table}.${column}`)).toContain("users.license_id");
      expect(planned.unknownColumns).toEqual([]);
    }
    const single = byName(source, "0D2F-B382-E95A-A467").planned;
    expect(single.missingTables).toEqual(["damaged_inventory"]);
    expect(single.missingColumns).toEqual([
      { table: "companies", column: "invoice_template" },
      { table: "roles", column: "description_en" },
      { table: "sales_invoices", column: "pos_order_id" },
      { table: "stocks", column: "damaged_quantity" },
    ]);
    expect(single.unknownTables.map(({ table, as, rows }) => [table, as, rows])).toEqual([
      ["licenses", "legacy_licenses", 2],
      ["license_checks", "legacy_license_checks", 12],
      ["alembic_version", "legacy_alembic_version", 1],
    ]);
  });

  it("keep what the master knows of a license, beside what its own file does, and no hash", async () => {
    const single = byName(source, "0D2F-B382-E95A-A467");
    expect(await rowsOf(single, "select id from legacy_licenses")).toEqual([{ id: "1" }]);
    expect(await rowsOf(single, "select id from legacy_master_license")).toEqual([{ id: "11" }]);
    expect(await rowsOf(single, "select distinct license_id from legacy_master_license_checks")).toEqual([
      { license_id: "11" },
    ]);
    const columns = await rowsOf(
      single,
      `select from information_schema.columns where table_schema = '${single.schema}' and column_name = 'admin_password_hash'`,
    );
    expect(columns).toEqual([]);
  });

  it("keep users' hashes, money to the digit and every kind of reference", async () => {
    const large = byName(source, "FF1F-2E10-3A72-F144");
    expect(
      await rowsOf(large, "select left(password_hash, 7) as form from users where username = 'nokhba.admin'"),
    ).toEqual([{ form: "scrypt:" }]);
    const [movements] = await rowsOf(
      large,
      `select count(*)::int as all, count(coalesce(sales_invoice_id, purchase_invoice_id, pos_order_id, damaged_inventory_id))::int
         as documents, count(*) filter (where reference_type = 'initial_stock')::int as opening from stock_movements`,
    );
    expect(movements).toEqual({ all: 2871, documents: 2571, opening: 300 });
  });
});

describe.runIf(there)("the samples of the booking bot", () => {
  let source: MovedSource;
  beforeAll(async () => {
    source = await moveSource(booking as never, booking.legacy?.[0] as never, join(SAMPLES, "booking"));
  }, 120_000);

  it("bring in both files at the first try, and every row but those that are known to be odd", () => {
    expect(source.moved.map(({ outcome }) => outcome)).toMatchObject([
      { kind: "imported", figures: { tries: 1 } },
      { kind: "imported", figures: { tries: 1 } },
    ]);
    expect(trouble(source)).toEqual([
      ["client_001", "bookings", "176", "user_id", "orphan"],
      ["client_001", "bookings", "327", "time", "duplicate"],
      ["client_002", "bookings", "748", "service_id", "orphan"],
      ["client_002", "bookings", "749", "service_id", "missing"],
      ["client_002", "bookings", "1260", "time", "duplicate"],
      ["client_002", "feedback", "40", "rating", "missing"],
    ]);
  });

  it("have prices that are numbers as numbers, and all as they were written", async () => {
    expect(
      await rowsOf(byName(source, "client_002"), "select price, price_text from services order by id"),
    ).toEqual([
      { price: "3000.00", price_text: "3000 ₽" },
      { price: "1500.00", price_text: "1500 ₽" },
      { price: "2800.00", price_text: "2 800 ₽" },
      { price: null, price_text: "от 2500 ₽" },
      { price: "500.00", price_text: "500" },
      { price: null, price_text: "бесплатно" },
      { price: "3200.50", price_text: "3200.50 ₽" },
      { price: null, price_text: null },
    ]);
  });

  it("have times as the bot and SQLite meant them", async () => {
    const client = byName(source, "client_002");
    expect(
      await rowsOf(
        client,
        `select to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as at from text_templates
         where id in (1, 2) order by id`,
      ),
    ).toEqual([{ at: "2025-08-16 06:00:02.326296" }, { at: "2025-05-05 09:00:00.000000" }]);
    expect(
      await rowsOf(
        client,
        `select to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as at from booking_history where id = 1`,
      ),
    ).toEqual([{ at: "2025-05-05 07:44:28.382624" }]);
  });

  it("leave each client with all settings, its own among them, and its own times on them", async () => {
    const settings = await rowsOf(
      byName(source, "client_002"),
      `select key, value, type, description is not null as described, updated_at < '2026-01-01' as old from settings order by key`,
    );
    expect(settings).toHaveLength(11);
    expect(settings.filter(({ old }) => old)).toEqual([
      { key: "slot_interval_minutes", value: "30", type: "text", described: false, old: true },
      { key: "work_hours_end", value: "20", type: "integer", described: true, old: true },
      { key: "work_hours_start", value: "9", type: "integer", described: true, old: true },
    ]);
  });

  it("leave no client's count of bookings or last activity to chance", async () => {
    for (const client of source.moved) {
      expect(
        await rowsOf(
          client,
          `select from users where booking_count <> (select count(*) from bookings where bookings.user_id = users.user_id)`,
        ),
      ).toEqual([]);
      expect(await rowsOf(client, "select from users where last_activity is null")).toEqual([]);
    }
  });
});
