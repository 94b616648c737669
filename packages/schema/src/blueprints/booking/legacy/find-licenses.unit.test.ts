import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import {
  BOOKING_SUPER_ADMIN,
  bookingSource,
  legacyFolder,
} from "../../../../../../test/support/legacy-files.ts";
import { sqliteFolder } from "../../../legacy/testing/sqlite-folder.ts";
import { oldBot } from "../legacy.ts";

// Sources are made in files, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 60_000 });

/** A source of clients, and what its mapping file says of them. */
async function find(
  clients: Parameters<typeof bookingSource>[0]["clients"],
  given?: unknown,
  layout: "folders" | "server" = "folders",
) {
  const source = bookingSource({ clients, layout });
  if (given !== undefined) writeFileSync(join(source.folder, "licenses.json"), JSON.stringify(given));
  return { source, ...(await oldBot.findLicenses(sqliteFolder(source.folder))) };
}

describe("a client of the bot", () => {
  it("is a license of which nothing is known but its folder's name and its owner", async () => {
    const { licenses, findings } = await find([{ version: "newer" }]);
    expect(licenses).toEqual([
      {
        name: "client_001",
        source: "client_001",
        key: null,
        clientName: "client_001",
        email: null,
        phone: null,
        company: null,
        licenseType: "lifetime",
        maxUsers: 1,
        maxBranches: 1,
        parameters: { adminTelegramId: BOOKING_SUPER_ADMIN },
        isActive: true,
        isSuspended: false,
        suspensionReason: null,
        notes: null,
        createdAt: null,
        activatedAt: null,
        expiresAt: null,
        admin: null,
        file: "client_001/bookings.db",
        schema: "client_001",
        refused: null,
        owned: {},
        kept: [],
      },
    ]);
    expect(findings).toEqual([]);
  });

  it("of the older version names no owner, and that is told", async () => {
    const { licenses, findings } = await find([{ version: "older" }]);
    expect(licenses).toMatchObject([{ parameters: {}, refused: null }]);
    expect(findings.map(({ file }) => file)).toEqual(["client_001/bookings.db"]);
  });

  it("is found where the bot's own servers keep it, under any name", async () => {
    const clients = [
      { name: "client_012", version: "newer" },
      { name: "салон", version: "newer" },
    ] as const;
    const { licenses } = await find(clients, undefined, "server");
    expect(licenses.map(({ name, file, schema }) => [name, file, schema])).toEqual([
      ["client_012", "clients/client_012/data/bookings.db", "client_012"],
      ["салон", "clients/салон/data/bookings.db", null],
    ]);
  });

  it.each([
    ["client_7", null],
    ["client_0007", null],
    ["client_1234", "client_1234"],
    ["client_abc", null],
    ["client_999", "client_999"],
  ])("called %s keeps %s for its schema's name", async (name, schema) => {
    const { licenses } = await find([{ name, version: "newer" }]);
    expect(licenses).toMatchObject([{ name, schema }]);
  });

  it("that is in both places is chosen from by nobody", async () => {
    const { source } = await find([{ version: "newer" }]);
    mkdirSync(source.path("clients/client_001/data"), { recursive: true });
    writeFileSync(source.path("clients/client_001/data/bookings.db"), "");
    const { licenses } = await oldBot.findLicenses(sqliteFolder(source.folder));
    expect(licenses.map(({ name, refused }) => [name, refused])).toEqual([
      ["client_001", "Two clients of this name are in the source."],
      ["clients/client_001", "Two clients of this name are in the source."],
    ]);
  });

  it("whose folder holds no file, or two, or is a link, is told of", async () => {
    const { source } = await find([{ version: "newer" }, { version: "newer" }]);
    mkdirSync(source.path("client_003"));
    symlinkSync(source.path("client_001"), source.path("client_004"));
    mkdirSync(source.path("client_002/data"));
    writeFileSync(source.path("client_002/data/bookings.db"), "");
    const { licenses, findings } = await oldBot.findLicenses(sqliteFolder(source.folder));
    expect(licenses.map(({ name, file, refused }) => [name, file, refused])).toEqual([
      ["client_001", "client_001/bookings.db", null],
      ["client_002", null, "It has two files: client_002/bookings.db and client_002/data/bookings.db."],
    ]);
    expect(findings.map(({ file, code }) => [file, code])).toEqual([
      ["client_003", "entry-refused"],
      ["client_004", "unreadable"],
    ]);
  });

  it("whose file is damaged stays its own trouble", async () => {
    const { source } = await find([{ version: "newer" }, { version: "newer" }]);
    writeFileSync(source.path("client_001/bookings.db"), "this is no database");
    const { licenses } = await oldBot.findLicenses(sqliteFolder(source.folder));
    expect(licenses).toMatchObject([
      { file: "client_001/bookings.db", parameters: {} },
      { parameters: { adminTelegramId: BOOKING_SUPER_ADMIN } },
    ]);
  });
});

describe("the mapping file", () => {
  it("says what the bot doesn't know", async () => {
    const { licenses, findings } = await find([{}, {}], {
      client_001: {
        licenseKey: "AAAA-1111-0000-0001",
        clientName: "Студия",
        email: "owner@studio.example",
        phone: "+7 900 000-00-00",
        company: "ООО «Студия»",
        licenseType: "yearly",
        maxUsers: 5,
        maxBranches: 2,
        createdAt: "2025-05-05T10:00:00+03:00",
        expiresAt: "2031-05-20",
        notes: "с первого дня",
        adminTelegramId: 9_700_000_001,
      },
      client_002: { adminTelegramId: "9700000002" },
    });
    expect(licenses).toMatchObject([
      {
        name: "client_001",
        key: "AAAA-1111-0000-0001",
        clientName: "Студия",
        email: "owner@studio.example",
        phone: "+7 900 000-00-00",
        company: "ООО «Студия»",
        licenseType: "yearly",
        maxUsers: 5,
        maxBranches: 2,
        createdAt: new Date("2025-05-05T07:00:00Z"),
        expiresAt: new Date("2031-05-20T20:59:59Z"),
        notes: "с первого дня",
        parameters: { adminTelegramId: 9_700_000_001 },
      },
      {
        key: null,
        clientName: "client_002",
        licenseType: "lifetime",
        parameters: { adminTelegramId: 9_700_000_002 },
      },
    ]);
    expect(findings).toEqual([]);
  });

  it("knows better than the file who owns the bot", async () => {
    const { licenses } = await find([{ version: "newer" }], { client_001: { adminTelegramId: 42 } });
    expect(licenses).toMatchObject([{ parameters: { adminTelegramId: 42 } }]);
  });

  it.each([
    [{ adminTelegramId: "@owner" }, "its adminTelegramId is no Telegram id"],
    [{ adminTelegramId: 2 ** 52 }, "its adminTelegramId is no Telegram id"],
    [{ adminTelegramId: 1.5 }, "its adminTelegramId is no Telegram id"],
    [{ expiresAt: "next year" }, "its expiresAt is no date"],
    [{ licenseKey: ["a"] }, "its licenseKey is no text"],
    ["AAAA-1111", "its entry is no object"],
  ])("that says %j keeps that client back", async (entry, reason) => {
    const { licenses } = await find([{ version: "newer" }, { version: "newer" }], { client_001: entry });
    expect(licenses[0]?.refused).toContain(reason);
    expect(licenses[1]?.refused).toBeNull();
  });

  it.each([
    [{ client_009: {} }, "licenses.json, client_009: the source has no client of this name."],
    [
      { client_001: { licencekey: "A" } },
      'licenses.json, client_001: "licencekey" is no field, and is ignored.',
    ],
    [
      { client_001: { licenseType: "trial" } },
      "licenses.json, client_001: expiresAt says nothing: it never ends.",
    ],
    [
      { client_001: { maxUsers: 0 } },
      "licenses.json, client_001: maxUsers says no number from 1 on: 1 is taken.",
    ],
  ])("that says %j is told of", async (given, detail) => {
    const { findings } = await find([{ version: "newer" }], given);
    expect(findings.map((finding) => finding.detail)).toEqual([detail]);
  });

  it("that gives one key to two clients gives it to none", async () => {
    const { licenses } = await find([{}, {}, {}], {
      client_001: { licenseKey: "AAAA-1" },
      client_002: { licenseKey: "aaaa-1 " },
    });
    expect(licenses.map(({ refused }) => refused)).toEqual([
      "licenses.json gives its key to another client too.",
      "licenses.json gives its key to another client too.",
      null,
    ]);
  });

  it("that can't be read stops the run, since its clients would get other keys", async () => {
    const { source } = await find([{}]);
    writeFileSync(source.path("licenses.json"), "{");
    await expect(oldBot.findLicenses(sqliteFolder(source.folder))).rejects.toMatchObject({
      name: "SourceError",
    });
    writeFileSync(source.path("licenses.json"), "[]");
    await expect(oldBot.findLicenses(sqliteFolder(source.folder))).rejects.toMatchObject({
      code: "SOURCE_INVALID",
      file: "licenses.json",
    });
  });
});

it("a folder without clients is no source", async () => {
  await expect(oldBot.findLicenses(sqliteFolder(legacyFolder()))).rejects.toMatchObject({
    code: "SOURCE_INVALID",
  });
});
