import { Compile } from "typebox/compile";
import { describe, expect, it } from "vitest";
import { compileBlueprint, compileSeed } from "../../blueprint/compile.ts";
import { booking } from "./index.ts";

const { createScript, commonSeedScript, tableCount, version } = await compileBlueprint(booking);

const TABLES = [
  "admin_sessions",
  "admins",
  "analytics",
  "audit_log",
  "blocked_date_ranges",
  "blocked_slots",
  "booking_history",
  "bookings",
  "calendar_exceptions",
  "feedback",
  "services",
  "settings",
  "text_changes_log",
  "text_templates",
  "users",
  "work_schedule",
];

describe("the tables", () => {
  it("are those of the bot's newer version, with the calendar's exceptions", () => {
    const made = [...createScript.matchAll(/^create table "(\w+)"/gm)].map((match) => match[1] ?? "");
    expect(made.sort()).toEqual(TABLES);
    expect(tableCount).toBe(16);
    expect(version).toBe("0006_imported_bookings");
  });

  it("keep Telegram ids in what they fit into, and nothing in a serial, a binary number or a time without its zone", () => {
    const people = /"(?:user_id|admin_id|added_by|blocked_by|changed_by|created_by|updated_by)" (\w+)/g;
    expect(new Set([...createScript.matchAll(people)].map((match) => match[1]))).toEqual(new Set(["bigint"]));
    expect(createScript).not.toMatch(/ (?:\w*serial|real|double precision|timestamp)[ ,)]/);
  });

  it("name no schema, in functions neither, and no path but the empty one", () => {
    expect(createScript).not.toMatch(/"\w+"\."\w+"|client_\d|from current/i);
    expect([...createScript.matchAll(/set search_path = (\S+)/g)].map((match) => match[1])).toEqual([
      "''",
      "''",
      "''",
      "''",
    ]);
    expect(createScript).not.toMatch(/security definer/i);
  });
});

describe("the parameters", () => {
  const validator = Compile(booking.parameters);

  it.each([1, 9_700_000_001, 2 ** 52 - 1])("take %d as the owner's Telegram id", (adminTelegramId) => {
    expect(validator.Check({ adminTelegramId })).toBe(true);
  });

  it.each([
    [{}],
    [{ adminTelegramId: 0 }],
    [{ adminTelegramId: -5 }],
    [{ adminTelegramId: 1.5 }],
    [{ adminTelegramId: 2 ** 52 }],
    [{ adminTelegramId: "9700000001" }],
    [{ adminTelegramId: null }],
    [{ adminTelegramId: 1, adminName: "x" }],
  ])("refuse %j", (parameters) => {
    expect(validator.Check(parameters)).toBe(false);
  });
});

describe("the seed", () => {
  it("that all clients share takes two statements", () => {
    expect(commonSeedScript.match(/^insert into/gm)).toHaveLength(2);
    expect(commonSeedScript).toContain("'Консультация'");
  });

  it("makes the owner of the bot its super_admin, and keeps the whole id", async () => {
    const license = {
      key: "K",
      clientName: "Студия",
      email: null,
      phone: null,
      company: null,
      maxUsers: 1,
      maxBranches: 1,
    };
    const input = { license, admin: null, parameters: { adminTelegramId: 2 ** 52 - 1 } };
    expect(await compileSeed(booking, input)).toBe(
      `insert into "admins" ("user_id", "role") values ('4503599627370495', 'super_admin')\n;\n`,
    );
  });
});
