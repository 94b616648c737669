import { existsSync } from "node:fs";
import { join } from "node:path";
import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import { type LegacyItem, signIn } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "./support/database.ts";
import { quoteName } from "./support/legacy-files.ts";
import { type EndedMigration, migrated } from "./support/legacy-run.ts";
import { sourceCounts } from "./support/source-counts.ts";
import { openTestInstallation } from "./support/tenantry.ts";

/** A folder of sample databases of both legacy systems, which a checkout needn't have; CI has one. */
const SAMPLES = process.env.LEGACY_SAMPLES ?? "";

/** Licenses of the ERP by their id in the master. */
const ERP_KEYS: Readonly<Record<number, string>> = {
  1: "FF79-7116-A006-9681",
  2: "FF1F-2E10-3A72-F144",
  3: "8FB1-D928-D2BE-DDA7",
  4: "AB0A-EBB2-F3D5-CC33",
  5: "BD5D-270D-C54F-267D",
  6: "AA32-81F7-65F2-6E19",
  7: "4527-D9C3-581D-710B",
  8: "CA93-B222-6E85-6F1A",
  9: "2817-8246-99CB-4848",
  10: "6F0B-54FC-B200-290D",
  11: "0D2F-B382-E95A-A467",
  12: "3F48-2DE9-D7E2-83AC",
};

describe.runIf(existsSync(SAMPLES))("the samples of both legacy systems", async () => {
  const database = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [erp, booking] });
  await installation.work();
  const erpRun = await migrated(installation, { system: "ded", path: join(SAMPLES, "ded") });
  const botRun = await migrated(installation, { system: "booking", path: join(SAMPLES, "booking") });

  const itemOf = (run: EndedMigration, license: string): LegacyItem => {
    const found = run.items.find(({ name, licenseKey }) => licenseKey === license || name.includes(license));
    if (found === undefined) throw new Error(`no license ${license}`);
    return found;
  };

  async function tenantOf(item: LegacyItem) {
    return installation.ctx.control
      .selectFrom("tenants")
      .innerJoin("licenses", "licenses.id", "tenants.license_id")
      .selectAll("tenants")
      .where("licenses.key", "=", item.licenseKey ?? "")
      .executeTakeFirstOrThrow();
  }

  async function rowsOf<T extends object>(item: LegacyItem, query: string): Promise<T[]> {
    const { schema_name } = await tenantOf(item);
    return withAdmin(database.adminUrl, async (client) => {
      await client.query(`SET search_path = "${schema_name}"; SET timezone = 'UTC'`);
      return (await client.query<T>(query)).rows;
    });
  }

  it("come in whole: every license, none failed", () => {
    expect(erpRun.items.filter(({ state }) => state !== "succeeded")).toEqual([]);
    expect(botRun.items.filter(({ state }) => state !== "succeeded")).toEqual([]);
    const keys = erpRun.items.map(({ licenseKey }) => licenseKey);
    expect(keys).toEqual(expect.arrayContaining(Object.values(ERP_KEYS)));
    const outcomes = Object.entries(ERP_KEYS).map(([id, key]) => [Number(id), itemOf(erpRun, key).outcome]);
    const fresh = new Set([5, 10, 12]);
    expect(outcomes).toEqual(outcomes.map(([id]) => [id, fresh.has(Number(id)) ? "created" : "imported"]));
    expect(botRun.items.map(({ outcome }) => outcome)).toEqual(["imported", "imported"]);
  });

  it("have as many rows in each table as SQLite counts in the files, but for those in quarantine", async () => {
    let compared = 0;
    for (const [run, folder] of [
      [erpRun, "ded"],
      [botRun, "booking"],
    ] as const) {
      for (const item of run.items) {
        if (item.file === null) continue;
        const counted = sourceCounts(join(SAMPLES, folder, item.file));
        for (const table of item.tables)
          expect(table.rows, table.source).toBe(counted.get(table.source) ?? 0);
        for (const [table, rows] of counted) {
          const its = item.tables.find(({ source }) => source === table);
          const waiting = run.quarantine.filter(
            (row) => row.licenseKey === item.licenseKey && row.table === table,
          ).length;
          const place = `${item.name} ${table}`;
          expect([place, its?.read, its?.quarantined], place).toEqual([place, rows, waiting]);
          const [found] = await rowsOf<{ n: number }>(
            item,
            `SELECT count(*)::int AS n FROM ${quoteName(its?.target ?? "")}`,
          );
          // What a client can't do without, and its file hasn't set, is set as for a new one.
          const added = MADE_UP.has(table) ? (found?.n ?? 0) - (rows - waiting) : 0;
          expect(added).toBeGreaterThanOrEqual(0);
          expect([place, found?.n]).toEqual([place, rows - waiting + added]);
          compared += 1;
        }
      }
    }
    expect(compared).toBeGreaterThan(400);
  });

  it("have nothing in quarantine but the rows that are known to be odd", () => {
    const told = [...erpRun.quarantine, ...botRun.quarantine].map(
      ({ license, table, rowId, column, code }) => `${license} ${table} ${rowId} ${column} ${code}`,
    );
    expect(told.toSorted()).toEqual(
      [
        `${ERP_KEYS[1]} sales_invoice_items 41 product_id orphan`,
        `${ERP_KEYS[2]} security_logs 101 user_id orphan`,
        // The single database's second license: not of the one whose data it is.
        `${ERP_KEYS[11]} licenses 2 license_key other-license`,
        "client_001 bookings 176 user_id orphan",
        "client_001 bookings 327 time duplicate",
        "client_002 bookings 1260 time duplicate",
        "client_002 bookings 748 service_id orphan",
        "client_002 bookings 749 service_id missing",
        "client_002 feedback 40 rating missing",
      ].toSorted(),
    );
  });

  it("have the other odd values read as what they mean", async () => {
    const [one, two, four] = [1, 2, 4].map((id) => itemOf(erpRun, ERP_KEYS[id] ?? ""));
    if (one === undefined || two === undefined || four === undefined) throw new Error("a license is missing");
    expect(await rowsOf(four, "SELECT payment_terms FROM suppliers WHERE id = 2")).toEqual([
      { payment_terms: null },
    ]);
    expect(await rowsOf(four, "SELECT min_price FROM products WHERE id = 4")).toEqual([{ min_price: null }]);
    expect(await rowsOf(four, "SELECT max_stock FROM products WHERE id = 10")).toEqual([{ max_stock: null }]);
    expect(await rowsOf(two, "SELECT created_at::text FROM journal_entries WHERE id = 11")).toEqual([
      { created_at: "2024-07-20 11:05:09+00" },
    ]);
    expect(await rowsOf(one, "SELECT created_at::text FROM customers WHERE id = 6")).toEqual([
      { created_at: "2024-03-07 00:00:00+00" },
    ]);
    const older = itemOf(botRun, "client_001");
    expect(await rowsOf(older, "SELECT created_at::text FROM bookings WHERE id = 189")).toEqual([
      { created_at: "2025-12-14 14:46:10+00" },
    ]);
    expect(
      await rowsOf(two, "SELECT total_amount::text, tax_amount::text FROM sales_invoices WHERE id = 1"),
    ).toEqual([{ total_amount: "4079.567500000000", tax_amount: "532.117500000000" }]);
  });

  it.each([
    [2, "nokhba.admin", "Nokhba@2025"],
    [3, "kashier2", "Cashier#77pass"],
    [10, "fresh.owner", "FreshTenant9!"],
    [11, "مدير", "كلمة-السر-١٢٣"],
  ])("let a user of license %i sign in with the old password, twice", async (id, username, password) => {
    const licenseKey = ERP_KEYS[id] ?? "";
    for (const _ of ["with the old hash", "with the new one"]) {
      const session = await signIn(installation.ctx, { licenseKey, username, password, ttlMs: 60_000 });
      expect(session).toMatchObject({ user: { username } });
    }
    const users = await rowsOf<{ password_hash: string }>(
      itemOf(erpRun, licenseKey),
      `SELECT password_hash FROM users WHERE username = '${username}'`,
    );
    expect(users).toEqual([{ password_hash: expect.stringMatching(/^\$argon2id\$/) }]);
  });

  it("keep what was agreed: dates, limits, suspension and its reason", async () => {
    const licenses = await installation.ctx.control.selectFrom("licenses").selectAll().execute();
    const byId = new Map(
      Object.entries(ERP_KEYS).map(([id, key]) => [Number(id), licenses.find((each) => each.key === key)]),
    );
    expect(byId.get(1)).toMatchObject({
      license_type: "lifetime",
      max_users: 20,
      max_branches: 5,
      expires_at: null,
    });
    expect(byId.get(2)?.expires_at).toEqual(new Date("2029-06-19T10:15:42Z"));
    expect(byId.get(4)).toMatchObject({
      suspended_at: expect.any(Date),
      suspension_reason: "تأخر في سداد الدفعة السنوية – بانتظار التحويل",
    });
    expect(byId.get(7)).toMatchObject({ is_active: false, suspended_at: null });
    expect(byId.get(9)).toMatchObject({ client_name: "O'Neil & Sons <Test>", license_type: "trial" });
    expect(byId.get(11)).toMatchObject({ max_users: 999, max_branches: 999 });
    expect(byId.get(12)).toMatchObject({
      is_active: false,
      suspended_at: expect.any(Date),
      suspension_reason: null,
      activated_at: null,
    });
  });

  it("hold no row of another license", async () => {
    // Every license's own company, or first customer, is in its schema and in nobody else's.
    const names = new Map<string, string>();
    for (const item of erpRun.items.filter(({ outcome }) => outcome === "imported")) {
      const [company] = await rowsOf<{ name: string }>(
        item,
        "SELECT name FROM companies ORDER BY id LIMIT 1",
      );
      if (company !== undefined) names.set(item.name, company.name);
    }
    expect(new Set(names.values()).size).toBe(names.size);
    for (const item of erpRun.items) {
      for (const [license, name] of names) {
        const found = await rowsOf(
          item,
          `SELECT FROM companies WHERE name = '${name.replaceAll("'", "''")}'`,
        );
        expect([item.name, license, found.length > 0]).toEqual([item.name, license, item.name === license]);
      }
    }
    // What the master and the single database hold of several licenses is parted by license.
    const checks = await Promise.all(
      erpRun.items.map(async (item) => {
        const tables = await rowsOf<{ name: string }>(
          item,
          "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename ~ 'legacy_.*checks'",
        );
        const counts = tables.map(({ name }) => rowsOf(item, `SELECT FROM ${quoteName(name)}`));
        return (await Promise.all(counts)).reduce((sum, rows) => sum + rows.length, 0);
      }),
    );
    expect(checks.reduce((sum, count) => sum + count, 0)).toBe(60 + 12);
  });

  it("leave nothing secret behind: no old hash, no plain password, outside of where users' hashes belong", async () => {
    const { rows } = await withAdmin(database.adminUrl, (client) =>
      client.query(`
        SELECT string_agg(text, ' ') AS text FROM (
          SELECT to_jsonb(o)::text AS text FROM tenantry.operations o
          UNION ALL SELECT to_jsonb(e)::text FROM tenantry.operation_events e
          UNION ALL SELECT to_jsonb(i)::text FROM tenantry.legacy_items i
          UNION ALL SELECT to_jsonb(r)::text FROM tenantry.legacy_runs r
          UNION ALL SELECT to_jsonb(q)::text FROM tenantry.quarantined_rows q) AS all_of_it`),
    );
    const everything = rows[0].text + installation.logs.lines.join("\n");
    expect(everything).not.toMatch(/scrypt:32768|pbkdf2:sha256|majed-1234|basmah-5678|سر١٢٣/);
  });
});

/** Tables that get rows beside the file's. */
const MADE_UP: ReadonlySet<string> = new Set(["settings"]);
