import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import {
  type DedSourceInput,
  dedSource,
  insertRow,
  legacyFolder,
  withDatabase,
} from "../../../../../../test/support/legacy-files.ts";
import type { LegacyLicense } from "../../../legacy/legacy-system.ts";
import { SourceError } from "../../../legacy/source-description.ts";
import { sqliteFolder } from "../../../legacy/testing/sqlite-folder.ts";
import { ded } from "../legacy.ts";

// Sources are made in files, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 60_000 });

const [A, B, C] = ["AAAA-1111-0000-0001", "BBBB-2222-0000-0002", "CCCC-3333-0000-0003"];
/** Long enough to be a hash, and no one's. */
const admin = { username: "owner", hash: "scrypt:32768:8:1$salt$00" };

async function find(input: DedSourceInput, timeZone: string | null = null) {
  const source = dedSource(input);
  const found = await ded.findLicenses(sqliteFolder(source.folder), { timeZone });
  const byKey = (key: string | undefined): LegacyLicense => {
    const license = found.licenses.find((each) => each.key === key);
    if (license === undefined) throw new Error(`there is no license ${key}`);
    return license;
  };
  return { ...found, byKey, source };
}

describe("a license of the master", () => {
  it("carries over as it is", async () => {
    const { byKey, findings } = await find({
      licenses: [
        {
          key: A,
          admin,
          row: {
            client_name: "O'Neil & Sons <Test>",
            license_type: "semi_annual",
            max_users: 999,
            max_branches: 998,
            is_suspended: 1,
            suspension_reason: "تأخر في السداد",
            created_at: "2024-06-20 09:00:28.483896",
            activated_at: null,
            expires_at: "2029-06-19 10:15:42",
            notes: "ملاحظة\r\nثانية",
          },
        },
      ],
    });
    expect(byKey(A)).toMatchObject({
      name: A,
      source: "licenses_master.db, license 1",
      key: A,
      clientName: "O'Neil & Sons <Test>",
      email: "owner1@customer.example",
      phone: "0500000101",
      company: "شركة 1",
      licenseType: "semi_annual",
      maxUsers: 999,
      maxBranches: 998,
      isActive: true,
      isSuspended: true,
      suspensionReason: "تأخر في السداد",
      notes: "ملاحظة\r\nثانية",
      createdAt: new Date("2024-06-20T09:00:28.483Z"),
      activatedAt: null,
      expiresAt: new Date("2029-06-19T10:15:42Z"),
      parameters: {},
      schema: null,
      refused: null,
    });
    expect(findings).toEqual([]);
  });

  it("may lack everything but its key; what is empty is nothing", async () => {
    const row = {
      client_email: "",
      client_phone: null,
      client_company: "",
      is_active: null,
      is_suspended: null,
      suspension_reason: "an old one",
      created_at: null,
      activated_at: "",
      expires_at: null,
      notes: "",
    };
    const { byKey } = await find({ licenses: [{ key: A, row, admin: null }] });
    expect(byKey(A)).toMatchObject({
      email: null,
      phone: null,
      company: null,
      isActive: false,
      isSuspended: false,
      suspensionReason: null,
      createdAt: null,
      activatedAt: null,
      expiresAt: null,
      notes: null,
      admin: null,
      refused: null,
    });
  });

  it("has its times in UTC, whatever the run says of times without a zone", async () => {
    const row = { expires_at: "2029-06-19 23:30:00.5" };
    const { byKey } = await find({ licenses: [{ key: A, row }] }, "Asia/Riyadh");
    expect(byKey(A).expiresAt).toEqual(new Date("2029-06-19T23:30:00.500Z"));
  });

  it.each([
    [{ max_users: 0 }, { maxUsers: 1 }, "max_users says no number from 1 on: 1 is taken"],
    [{ max_users: null }, { maxUsers: 1 }, "max_users says nothing: 1 is taken"],
    [{ max_branches: -3 }, { maxBranches: 1 }, "max_branches says no number from 1 on: 1 is taken"],
    [{ max_branches: "many" }, { maxBranches: 1 }, "max_branches says no number from 1 on: 1 is taken"],
    [
      { license_type: "Standard" },
      { licenseType: "lifetime" },
      "license_type is a type that isn't known: by its term, lifetime is taken",
    ],
    [
      { license_type: null, created_at: "2025-01-01 00:00:00", expires_at: "2025-01-31 00:00:00" },
      { licenseType: "monthly" },
      "license_type says nothing: by its term, monthly is taken",
    ],
  ])("with %j has that replaced, and it is told", async (row, expected, detail) => {
    const { byKey, findings } = await find({ licenses: [{ key: A, row }] });
    expect(byKey(A)).toMatchObject({ ...expected, refused: null });
    expect(findings).toEqual([
      {
        file: "licenses_master.db",
        code: "value-replaced",
        detail: `licenses_master.db, license 1: ${detail}.`,
      },
    ]);
  });

  it("with a date that is none is refused rather than never ended", async () => {
    const { byKey } = await find({
      licenses: [
        { key: A, row: { expires_at: "31/12/2026" } },
        { key: B, row: { created_at: "2026-02-30" } },
      ],
    });
    expect(byKey(A).refused).toContain("its expires_at is no date");
    expect(byKey(B).refused).toContain("its created_at is no date");
  });

  it("without a key is told of, and no other suffers", async () => {
    const { licenses, findings } = await find({ licenses: [{ key: "" }, { key: B }] });
    expect(licenses.map(({ key }) => key)).toEqual([B]);
    expect(findings).toMatchObject([
      { code: "entry-refused", detail: "licenses_master.db, license 1: it has no key." },
    ]);
  });

  it("is found under the table's older name, and once when both tables have it", async () => {
    const older = await find({ licenses: [{ key: A }], masterVersion: "licenses", checks: 2 });
    expect(older.licenses.map(({ source }) => source)).toEqual(["licenses_master.db, licenses 1"]);

    const both = dedSource({ licenses: [{ key: A }, { key: B }], checks: 2 });
    both.edit("licenses_master.db", (db) => {
      db.exec("CREATE TABLE licenses AS SELECT * FROM license");
      db.exec(`UPDATE licenses SET id = id + 1, license_key = replace(license_key, '${B}', '${C}')`);
      db.exec(`DELETE FROM license WHERE license_key = '${B}'`);
    });
    const found = await ded.findLicenses(sqliteFolder(both.folder));
    expect(found.licenses.map(({ source, key }) => [source, key])).toEqual([
      ["licenses_master.db, license 1", A],
      ["licenses_master.db, licenses 3", C],
    ]);
    expect(found.findings).toEqual([]);
  });
});

describe("what stands in the master of a license", () => {
  it("is kept with it: its row and its checks, never the hash of a password", async () => {
    const { byKey } = await find({
      licenses: [
        { key: A, admin },
        { key: B, admin: null },
      ],
      checks: 3,
    });
    const [row, checks, ...others] = byKey(B).kept;
    expect(row).toMatchObject({
      table: "master_license",
      rows: [{ id: 2, license_key: B, machine_id: expect.any(String) }],
    });
    expect(checks?.table).toBe("master_license_checks");
    expect(checks?.rows.map(({ license_id }) => license_id)).toEqual([2, 2, 2]);
    expect(others).toEqual([]);
    expect(JSON.stringify(byKey(A).kept)).not.toContain("scrypt");
    expect(row?.columns).not.toContain("admin_password_hash");
  });
});

describe("the administrator", () => {
  it("is the master's for a license without data, and nobody's for one with users of its own", async () => {
    const { byKey } = await find({
      licenses: [
        { key: A, admin },
        { key: B, admin, file: {} },
      ],
    });
    expect(byKey(A)).toMatchObject({
      file: null,
      admin: { username: "owner", password: { hash: admin.hash } },
    });
    expect(byKey(B)).toMatchObject({ file: "tenant_databases/tenant_BBBB_2222_0000_0002.db", admin: null });
  });

  it.each([[{ admin_username: "" }], [{ admin_password_hash: null }], [{ admin_password_hash: "" }]])(
    "is none with %j, as in the old application",
    async (row) => {
      const { byKey } = await find({ licenses: [{ key: A, admin, row }] });
      expect(byKey(A).admin).toBeNull();
    },
  );
});

describe("licenses.json", () => {
  const entry = {
    company: "Basmah Dental Lab",
    expiry: "2031-05-20",
    created: "2026-01-16 02:23:27",
    duration_days: 1950,
    license_type: "Standard",
    max_users: 3,
    features: ["all"],
    status: "suspended",
    username: "basmah",
    password: "basmah-5678",
    contact_email: "lab@basmah.example",
    contact_phone: "0500000777",
    notes: "نسخة قديمة",
  };

  it("has licenses of its own, in either layout and with keys of any form", async () => {
    const json = {
      "8B0E-7153-BF7C-3706-D85C-524E-4400-6655": entry,
      "DED-9A6656C90BD5482A90A29B9FA5FF5180": {
        company: "ورشة الجسر",
        username: "جسر",
        password: "سر١٢٣",
        phone: "+966500000000",
        expiry: "2030-01-19",
        duration_days: 1460,
        status: "active",
        created_at: "2026-01-19 19:17:46",
      },
    };
    const { licenses, findings } = await find({ licenses: [{ key: A }], json }, "Asia/Riyadh");
    expect(licenses.slice(1)).toMatchObject([
      {
        key: "8B0E-7153-BF7C-3706-D85C-524E-4400-6655",
        source: "licenses.json, 8B0E-7153-BF7C-3706-D85C-524E-4400-6655",
        clientName: "Basmah Dental Lab",
        company: "Basmah Dental Lab",
        email: "lab@basmah.example",
        phone: "0500000777",
        licenseType: "yearly",
        maxUsers: 3,
        maxBranches: 1,
        isActive: true,
        isSuspended: true,
        suspensionReason: null,
        notes: "نسخة قديمة",
        createdAt: new Date("2026-01-15T23:23:27Z"),
        expiresAt: new Date("2031-05-20T20:59:59Z"),
        admin: { username: "basmah", password: { plain: "basmah-5678" } },
        file: null,
      },
      {
        key: "DED-9A6656C90BD5482A90A29B9FA5FF5180",
        clientName: "ورشة الجسر",
        phone: "+966500000000",
        maxUsers: 1,
        maxBranches: 1,
        createdAt: new Date("2026-01-19T16:17:46Z"),
        admin: { username: "جسر", password: { plain: "سر١٢٣" } },
      },
    ]);
    expect(findings.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => "value-replaced"));
    expect(JSON.stringify(findings)).not.toMatch(/basmah-5678|سر١٢٣|Standard/);
  });

  it("shows its passwords to nobody but who hashes them", async () => {
    const { byKey } = await find({ licenses: [], json: { K: { ...entry, Password2: "x-secret" } } });
    const { admin: _, ...rest } = byKey("K");
    expect(JSON.stringify(rest)).not.toMatch(/basmah-5678|x-secret/);
    expect(byKey("K").kept).toMatchObject([
      { table: "json_license", rows: [{ license_key: "K", features: '["all"]', duration_days: 1950 }] },
    ]);
  });

  it("gives way to the master, however its key is spelled", async () => {
    const json = { [A?.toLowerCase() ?? ""]: entry, [B ?? ""]: entry };
    const { licenses, findings } = await find({ licenses: [{ key: A }, { key: B }], json });
    expect(licenses.map(({ source }) => source)).toEqual([
      "licenses_master.db, license 1",
      "licenses_master.db, license 2",
    ]);
    expect(findings.map(({ file, code }) => [file, code])).toEqual([
      ["licenses.json", "duplicate-license"],
      ["licenses.json", "duplicate-license"],
    ]);
  });

  it("may give a license the data of a tenant's file", async () => {
    const source = dedSource({ licenses: [{ key: A, file: {} }], json: { "OLD-7": entry } });
    source.edit("licenses_master.db", (db) => db.exec("DELETE FROM license"));
    withDatabase(source.path("tenant_databases/tenant_OLD_7.db"), (db) => db.exec("CREATE TABLE users (id)"));
    const { licenses } = await ded.findLicenses(sqliteFolder(source.folder));
    expect(licenses).toMatchObject([{ key: "OLD-7", file: "tenant_databases/tenant_OLD_7.db", admin: null }]);
  });

  it.each([
    [{ status: "expired" }, { isActive: true, isSuspended: false }],
    [{ status: "inactive" }, { isActive: false }],
    [{ status: "on hold" }, { isActive: false }],
    [{ expiry: undefined }, { expiresAt: new Date("2031-05-20T02:23:27Z") }],
    [
      { expiry: undefined, duration_days: undefined },
      { expiresAt: null, licenseType: "lifetime" },
    ],
    [{ license_type: "MONTHLY" }, { licenseType: "monthly" }],
    [{ username: undefined }, { admin: null }],
    [{ company: undefined }, { clientName: "basmah", company: null }],
  ])("with %j reads as %j", async (change, expected) => {
    const { byKey } = await find({ licenses: [], json: { K: { ...entry, ...change } } });
    expect(byKey("K")).toMatchObject(expected);
  });

  it("that is damaged stops nothing but itself", async () => {
    const source = dedSource({ licenses: [{ key: A }] });
    writeFileSync(source.path("licenses.json"), '{"K": {');
    const broken = await ded.findLicenses(sqliteFolder(source.folder));
    expect(broken.licenses.map(({ key }) => key)).toEqual([A]);
    expect(broken.findings).toMatchObject([{ file: "licenses.json", code: "unreadable" }]);

    const { licenses, findings } = await find({ licenses: [], json: { K: entry, L: "text", "": entry } });
    expect(licenses.map(({ key }) => key)).toEqual(["K"]);
    expect(findings.filter(({ code }) => code === "entry-refused")).toHaveLength(2);
  });
});

describe("files of tenants", () => {
  it("without a license are told of", async () => {
    const source = dedSource({ licenses: [{ key: A, file: {} }] });
    for (const name of ["tenant_ZZZZ.db", "tenant_ZZZZ.db-wal", "notes.txt"]) {
      writeFileSync(source.path(`tenant_databases/${name}`), "");
    }
    const { findings } = await ded.findLicenses(sqliteFolder(source.folder));
    expect(findings.map(({ file, code }) => [file, code])).toEqual([
      ["tenant_databases/tenant_ZZZZ.db", "file-without-license"],
    ]);
  });

  it("are found whatever the case of their names", async () => {
    const name = "Tenant_aaaa_1111_0000_0001.DB";
    const { byKey, findings } = await find({ licenses: [{ key: A, file: { name } }] });
    expect(byKey(A).file).toBe(`tenant_databases/${name}`);
    expect(findings).toEqual([]);
  });

  it("that two licenses claim are given to neither", async () => {
    const { byKey } = await find({ licenses: [{ key: "AB-1", file: {} }, { key: "AB_1" }] });
    for (const key of ["AB-1", "AB_1"]) {
      expect(byKey(key)).toMatchObject({ file: null, refused: "Another license claims the same file." });
    }
  });

  it("of one license that are two are not chosen from", async () => {
    const source = dedSource({ licenses: [{ key: A, file: {} }] });
    writeFileSync(source.path("tenant_databases/tenant_aaaa_1111_0000_0001.db"), "");
    const { licenses } = await ded.findLicenses(sqliteFolder(source.folder));
    expect(licenses).toMatchObject([{ refused: "Two files are called after its key." }]);
  });

  it("that are damaged are still their license's, which then can't be moved without its data", async () => {
    const source = dedSource({ licenses: [{ key: A, file: {} }] });
    writeFileSync(source.path("tenant_databases/tenant_AAAA_1111_0000_0001.db"), "this is no database");
    const { licenses } = await ded.findLicenses(sqliteFolder(source.folder));
    expect(licenses).toMatchObject([
      { file: "tenant_databases/tenant_AAAA_1111_0000_0001.db", owned: { license_checks: ["1"] } },
    ]);
  });
});

it("keys that differ in case only are both refused, and their licenses with them", async () => {
  const { licenses } = await find({ licenses: [{ key: "abcd-1", file: {} }, { key: "ABCD-1" }, { key: B }] });
  expect(licenses.map(({ key, refused }) => [key, refused])).toEqual([
    ["abcd-1", "Another license's key differs from this one's in spelling only."],
    ["ABCD-1", "Another license's key differs from this one's in spelling only."],
    [B, null],
  ]);
});

describe("erp_system.db", () => {
  it("is the file of the license in its first row, by its own ids", async () => {
    const { byKey, findings } = await find({
      licenses: [{ key: A, file: {} }, { key: B }, { key: C, admin }],
      single: { licenses: [2, 0] },
    });
    expect(byKey(C)).toMatchObject({
      file: "erp_system.db",
      admin: null,
      owned: { license: [C], licenses: [C], license_checks: ["1"] },
    });
    expect(byKey(A).file).toBe("tenant_databases/tenant_AAAA_1111_0000_0001.db");
    expect(byKey(B)).toMatchObject({ file: null, refused: null });
    expect(findings).toEqual([]);
  });

  it("gives way to a file that its license has of its own", async () => {
    const { byKey, findings } = await find({
      licenses: [{ key: A, file: {} }],
      single: { licenses: [0] },
    });
    expect(byKey(A).file).toBe("tenant_databases/tenant_AAAA_1111_0000_0001.db");
    expect(findings).toMatchObject([{ file: "erp_system.db", code: "ambiguous-file" }]);
  });

  it("may be all that there is: then its table is the list", async () => {
    const source = dedSource({ licenses: [{ key: A, admin }, { key: B }], single: { licenses: [0, 1] } });
    const folder = legacyFolder();
    withDatabase(join(folder, "erp_system.db"), (db) => {
      db.exec(`ATTACH '${source.path("erp_system.db")}' AS old`);
      for (const table of ["licenses", "license_checks", "users"]) {
        db.exec(`CREATE TABLE ${table} AS SELECT * FROM old.${table}`);
      }
    });
    const { licenses, findings } = await ded.findLicenses(sqliteFolder(folder));
    expect(licenses).toMatchObject([
      { key: A, source: "erp_system.db, licenses 1", file: "erp_system.db", refused: null },
    ]);
    expect(findings).toMatchObject([
      { code: "entry-refused", detail: expect.stringContaining("licenses 2") },
    ]);
  });

  it("that can't be read keeps back every license whose data it may hold", async () => {
    const source = dedSource({ licenses: [{ key: A, file: {} }, { key: B }], single: { licenses: [1] } });
    writeFileSync(source.path("erp_system.db"), "this is no database");
    const { licenses, findings } = await ded.findLicenses(sqliteFolder(source.folder));
    expect(licenses.map(({ refused }) => refused)).toEqual([
      null,
      "erp_system.db can't be read, and may hold this license's data.",
    ]);
    expect(findings).toMatchObject([{ file: "erp_system.db", code: "unreadable" }]);
  });

  it("that names no license is told of", async () => {
    const source = dedSource({ licenses: [{ key: A }], single: { licenses: [] } });
    const { licenses, findings } = await ded.findLicenses(sqliteFolder(source.folder));
    expect(licenses).toMatchObject([{ key: A, file: null, refused: null }]);
    expect(findings).toMatchObject([{ file: "erp_system.db", code: "file-without-license" }]);
  });
});

describe("a license's own rows in its file", () => {
  it("are those of its key in the file, however spelled, and of that row's id", async () => {
    const source = dedSource({
      licenses: [
        { key: A, file: {} },
        { key: B, file: {} },
      ],
    });
    source.edit("tenant_databases/tenant_BBBB_2222_0000_0002.db", (db) => {
      for (const [id, key] of [
        [7, B?.toLowerCase() ?? ""],
        [2, A ?? ""],
      ] as const) {
        insertRow(db, "license", { id, license_key: key, license_hash: "", client_name: "x" });
      }
    });
    const { licenses } = await ded.findLicenses(sqliteFolder(source.folder));
    expect(licenses.map(({ owned }) => owned)).toEqual([
      { license: [A], licenses: [A], license_checks: ["1"] },
      { license: [B, B?.toLowerCase()], licenses: [B, B?.toLowerCase()], license_checks: ["7"] },
    ]);
  });
});

describe("a folder", () => {
  it("that holds no list of licenses is no source", async () => {
    const folder = legacyFolder();
    mkdirSync(join(folder, "tenant_databases"));
    await expect(ded.findLicenses(sqliteFolder(folder))).rejects.toMatchObject({
      name: "SourceError",
      code: "SOURCE_INVALID",
    });
  });

  it("whose master is damaged, or is another program's, is no source either", async () => {
    const source = dedSource({ licenses: [{ key: A }] });
    source.edit("licenses_master.db", (db) => db.exec("DROP TABLE license_checks; DROP TABLE license"));
    await expect(ded.findLicenses(sqliteFolder(source.folder))).rejects.toThrow("no table of licenses");
    writeFileSync(source.path("licenses_master.db"), "this is no database");
    await expect(ded.findLicenses(sqliteFolder(source.folder))).rejects.toBeInstanceOf(SourceError);
  });
});
