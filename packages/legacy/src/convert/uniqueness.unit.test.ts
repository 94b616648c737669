import type { TablePlan, ValueRule } from "@tenantry/schema/legacy";
import { describe, expect, it } from "vitest";
import { file, INT4, runImport, TEXT, tablePlan, UTC } from "./testing/plans.ts";

const DATE: ValueRule = { kind: "date" };
const TIME: ValueRule = { kind: "time" };

function outcome(sql: string, plan: TablePlan, more: readonly TablePlan[] = []) {
  const [table] = runImport(file(sql), [plan, ...more]);
  return {
    kept: table?.rowIds,
    gone: table?.quarantined.map(({ rowId, column, code }) => `${rowId} ${column} ${code}`),
    reasons: table?.quarantined.map(({ reason }) => reason),
  };
}

const held = (...columns: string[]) => [{ columns, held: true }];
const open = (...columns: string[]) => [{ columns, held: false }];

/** For files of many rows, on a busy machine. */
const PATIENCE_MS = 120_000;

describe("a value that only one row may have", () => {
  it("is the row's that had it as it is: one that came to it goes, wherever it lies", () => {
    const sql = `CREATE TABLE bookings (id INTEGER PRIMARY KEY, date TEXT, time TEXT, UNIQUE (date, time));
      INSERT INTO bookings VALUES (1, '2026-01-05', '9:00'), (2, '2026-01-05', '09:00'), (3, '2026-01-06', '9:00'),
        (4, '2026-01-06', '10:00'), (5, '2026-01-06', '09:00'), (6, '2026-01-07', '9:30'), (7, '2026-01-07', '09:00')`;
    const plan = tablePlan(
      "bookings",
      { id: INT4, date: DATE, time: TIME },
      { unique: held("date", "time") },
    );
    const { kept, gone, reasons } = outcome(sql, plan);
    expect(kept).toEqual(["2", "4", "5", "6", "7"]);
    expect(gone).toEqual(["1 time duplicate", "3 time duplicate"]);
    expect(reasons?.[0]).toBe("Row 2 has the same, and only one row may.");
  });

  it("is the first row's of those that came to it", () => {
    const sql = "CREATE TABLE t (v UNIQUE); INSERT INTO t VALUES ('012'), (' 12'), ('12.0'), (13), ('')";
    expect(outcome(sql, tablePlan("t", { v: INT4 }, { unique: held("v") }))).toMatchObject({
      kept: ["1", "4", "5"],
      gone: ["2 v duplicate", "3 v duplicate"],
    });
    const mixed = "CREATE TABLE t (v UNIQUE); INSERT INTO t VALUES ('012'), (12), ('12.0')";
    expect(outcome(mixed, tablePlan("t", { v: INT4 }, { unique: held("v") })).kept).toEqual(["2"]);
  });

  it.each<[string, ValueRule, string]>([
    ["a date with midnight behind it", DATE, "('2024-01-02 00:00:00'), ('2024-01-02')"],
    ["seconds that were left out", TIME, "('09:00'), ('09:00:00')"],
    [
      "a UUID in capitals",
      { kind: "uuid" },
      "('A0EEBC999C0B4EF8BB6D6BB9BD380A11'), ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')",
    ],
    ["an offset", UTC, "('2024-01-02 03:00:00.5'), ('2024-01-02T06:00:00.5+03:00')"],
    ["noise", { kind: "decimal", precision: 28, scale: 12 }, "(0.1 + 0.2), (0.3)"],
    ["a number that was text", { kind: "text", max: null }, "(12), ('12')"],
    ["a word for yes", { kind: "boolean" }, "('yes'), (1)"],
    ["order in a document", { kind: "json", asString: false }, `('{"b":1,"a":2}'), ('{"a":2,"b":1}')`],
    ["a blob that was text", { kind: "bytes" }, "('A'), (x'41')"],
    ["a number in an unknown column", { kind: "anything" }, "('12'), (12)"],
  ])("is found to be the same in spite of %s", (_, value, rows) => {
    const { kept, gone } = outcome(
      `CREATE TABLE t (v UNIQUE); INSERT INTO t VALUES ${rows}`,
      tablePlan("t", { v: value }, { unique: held("v") }),
    );
    expect(kept).toHaveLength(1);
    expect(gone).toHaveLength(1);
  });

  it("may be a default that several rows get, or a name that two had by another", () => {
    const sql = "CREATE TABLE t (v UNIQUE); INSERT INTO t VALUES (NULL), (NULL), ('a'), ('A'), ('b')";
    const given = { value: TEXT, whenNull: { kind: "value", text: "b" } } as const;
    expect(outcome(sql, tablePlan("t", { v: given }, { unique: held("v") })).kept).toEqual(["3", "4", "5"]);
    const renamed = { value: TEXT, values: { A: "a" } };
    expect(outcome(sql, tablePlan("t", { v: renamed }, { unique: held("v") })).kept).toEqual([
      "1",
      "2",
      "3",
      "5",
    ]);
  });

  it("is never NULL, of any of its columns", () => {
    const sql =
      "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, NULL), (1, NULL), (1, ''), (NULL, NULL), ('1', NULL)";
    const plan = tablePlan("t", { a: INT4, b: INT4 }, { unique: open("a", "b") });
    expect(outcome(sql, plan).kept).toHaveLength(5);
  });

  it("is looked for where the file doesn't hold it unique: the first row keeps it", () => {
    const sql = `CREATE TABLE t (id INTEGER PRIMARY KEY, a COLLATE NOCASE, b);
      INSERT INTO t VALUES (1, 'x', 1), (2, 'X', 1), (3, 'x', 1), (4, 'x', 2), (5, 'x', '1'), (6, 'x', 1.0)`;
    const plan = tablePlan("t", { id: INT4, a: TEXT, b: INT4 }, { unique: open("a", "b") });
    expect(outcome(sql, plan)).toMatchObject({
      kept: ["1", "2", "4"],
      gone: ["3 b duplicate", "5 b duplicate", "6 b duplicate"],
    });
  });

  it("isn't kept by a row that can't come in itself", () => {
    const sql = `CREATE TABLE t (id INTEGER PRIMARY KEY, time TEXT UNIQUE, v);
      INSERT INTO t VALUES (1, '09:00', 'bad'), (2, '9:00', 1), (3, '10:00', 1)`;
    const plan = tablePlan("t", { id: INT4, time: TIME, v: INT4 }, { unique: held("time") });
    expect(outcome(sql, plan)).toMatchObject({ kept: ["2", "3"], gone: ["1 v not-readable"] });
  });

  it("is looked for in several sets, and a row that loses one is gone", () => {
    const sql = "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 1), (1, 2), (2, 2), (3, 3), (3, 3)";
    const plan = tablePlan("t", { a: INT4, b: INT4 }, { unique: [...open("a"), ...open("b")] });
    const { kept, gone } = outcome(sql, plan);
    expect(kept).toEqual(["1", "4"]);
    expect(gone).toEqual(["2 a duplicate", "3 b duplicate", "5 a duplicate"]);
  });

  it("isn't mixed up with others that are written alike", () => {
    const sql =
      "CREATE TABLE t (a, b); INSERT INTO t VALUES ('x', 'yz'), ('xy', 'z'), ('1:x', 'y'), ('x', '1:y')";
    const plan = tablePlan("t", { a: TEXT, b: TEXT }, { unique: open("a", "b") });
    expect(outcome(sql, plan).kept).toHaveLength(4);
  });

  it(
    "may be one of more than stay in memory",
    () => {
      const sql = `CREATE TABLE t (id INTEGER PRIMARY KEY, time);
      INSERT INTO t WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < 110000)
        SELECT n, printf('%d:%02d:%02d.%d', n % 10, n / 10 % 60, n / 600 % 60, n / 36000) FROM s;
      INSERT INTO t VALUES (200000, '00:00:00.0'), (200001, '09:00:00.00')`;
      const plan = tablePlan("t", { id: INT4, time: TIME }, { unique: held("time") });
      const { gone } = outcome(sql, plan);
      expect(gone).toEqual(["0 time duplicate", "9 time duplicate"]);
    },
    PATIENCE_MS,
  );

  it("takes those with it that refer to the row, but not those that refer to the same key of the row that stays", () => {
    const sql = `CREATE TABLE services (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
      CREATE TABLE users (user_id, name); CREATE TABLE bookings (id INTEGER PRIMARY KEY, service_id, user_id);
      INSERT INTO services VALUES (1, CAST('Cut' AS TEXT)), (2, 'cut');
      INSERT INTO users VALUES (10, 'a'), (10, 'b'), ('10', 'c'), (11, 'd');
      INSERT INTO bookings VALUES (1, 1, 10), (2, 2, 10), (3, 1, 11), (4, 1, '10')`;
    const tables = runImport(file(sql), [
      tablePlan(
        "services",
        { id: INT4, name: { value: TEXT, values: { cut: "Cut" } } },
        { key: "id", unique: held("name") },
      ),
      tablePlan("users", { user_id: INT4, name: TEXT }, { key: "user_id", unique: open("user_id") }),
      tablePlan(
        "bookings",
        { id: INT4, service_id: INT4, user_id: INT4 },
        {
          references: [
            { column: "service_id", table: 0, seeded: [] },
            { column: "user_id", table: 1, seeded: [] },
          ],
        },
      ),
    ]);
    expect(tables.map(({ rowIds }) => rowIds)).toEqual([["1"], ["1", "4"], ["1", "3", "4"]]);
    expect(tables[2]?.quarantined).toMatchObject([{ rowId: "2", code: "depends" }]);
  });
});
