import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { ImportEvent, TablePlan } from "@tenantry/schema/legacy";
import { describe, expect, it } from "vitest";
import { streamImport } from "./stream-import.ts";
import { file, INT4, INT8, MONEY, runImport, TEXT, tablePlan, UTC } from "./testing/plans.ts";

function only(db: DatabaseSync, plan: TablePlan) {
  const [table] = runImport(db, [plan]);
  if (table === undefined) throw new Error("one table");
  return table;
}

const troubles = (table: ReturnType<typeof only>) =>
  table.quarantined.map(({ rowId, column, code }) => `${rowId} ${column} ${code}`);

/** For files of many rows, on a busy machine. */
const PATIENCE_MS = 120_000;

describe("a table's rows", () => {
  it("come as lines of COPY's text format, with their ids, and are counted, summed and added up in a checksum", () => {
    const db = file(`CREATE TABLE t (id INTEGER PRIMARY KEY, name, total, created_at);
      INSERT INTO t VALUES (7, 'a' || char(9) || 'b\\', 0.1 + 0.2, '2024-07-20 11:05:09'), (-3, NULL, -6.3765, NULL)`);
    const table = only(
      db,
      tablePlan("t", { id: INT8, name: TEXT, total: { value: MONEY, summed: true }, created_at: UTC }),
    );
    expect(table.text.toString()).toBe(
      "-3\t\\N\t-6.376500000000\t\\N\n7\ta\\tb\\\\\t0.300000000000\t2024-07-20 11:05:09+00\n",
    );
    expect(table.rowIds).toEqual(["-3", "7"]);
    const hashed = [
      "-3\u001f\u001e\u001f-6.376500000000\u001f\u001e",
      "7\u001fa\tb\\\u001f0.300000000000\u001f2024-07-20 11:05:09+00",
    ].map((row) => createHash("sha256").update(row).digest().readBigInt64BE());
    expect(table.figures).toEqual({
      source: "t",
      target: "t",
      read: 2,
      copied: 2,
      quarantined: 0,
      converted: { total: { "noise-removed": 1 }, created_at: { "whole-seconds": 1 } },
      checksum: `${(hashed[0] ?? 0n) + (hashed[1] ?? 0n)}`,
      sums: { total: "-6.076500000000" },
    });
  });

  it("may be none, and the figures are there all the same", () => {
    const table = only(file("CREATE TABLE t (v)"), tablePlan("t", { v: { value: MONEY, summed: true } }));
    expect(table.text.length).toBe(0);
    expect(table.figures).toMatchObject({ read: 0, copied: 0, checksum: "0", sums: { v: "0.000000000000" } });
  });

  it("may lie in tables and columns of any name", () => {
    const db = file(`CREATE TABLE "select "" من '" ("a""b", "order", "__proto__", "عمود", rowid);
      INSERT INTO "select "" من '" VALUES (1, 2, 3, 'x', 'mine')`);
    const plan = tablePlan("select \" من '", {
      'a"b': INT4,
      order: INT4,
      ["__proto__"]: INT4,
      عمود: INT4,
      rowid: TEXT,
    });
    const table = only(db, plan);
    expect(troubles(table)).toEqual(["1 عمود not-readable"]);
    expect(table.quarantined[0]?.row).toEqual(
      JSON.parse('{"a\\"b":1,"order":2,"__proto__":3,"عمود":"x","rowid":"mine"}'),
    );
  });

  it("may have 200 columns", () => {
    const names = Array.from({ length: 200 }, (_, index) => `c${index}`);
    const db = file(
      `CREATE TABLE t (${names.join(", ")}); INSERT INTO t VALUES (${names.map((_, at) => at).join(", ")})`,
    );
    const table = only(db, tablePlan("t", Object.fromEntries(names.map((name) => [name, INT4]))));
    expect(table.rows).toEqual([names.map((_, index) => `${index}`)]);
  });

  it("may have ids and values at the limits of int8", () => {
    const [low, high] = ["-9223372036854775808", "9223372036854775807"];
    const db = file(`CREATE TABLE t (id INTEGER PRIMARY KEY, v);
      INSERT INTO t VALUES (${low}, ${high}), (${high}, 'x'), (1, ${low})`);
    const table = only(db, tablePlan("t", { id: INT8, v: INT8 }));
    expect(table.rows).toEqual([
      [low, high],
      ["1", low],
    ]);
    expect(troubles(table)).toEqual([`${high} v not-readable`]);
    expect(table.quarantined[0]?.row).toEqual({ id: { integer: high }, v: "x" });
  });

  it("without a rowid are known by their places, in the order of their key", () => {
    const db = file(`CREATE TABLE t (a TEXT, b INTEGER, v, PRIMARY KEY (b, a)) WITHOUT ROWID;
      INSERT INTO t VALUES ('x', 2, 20), ('y', 1, 'bad'), ('x', 1, 10), ('z', 3, CAST(x'ff' AS TEXT))`);
    const table = only(db, tablePlan("t", { a: TEXT, b: INT4, v: TEXT }));
    expect(table.rows.map(([a, b]) => `${a}${b}`)).toEqual(["x1", "y1", "x2"]);
    expect(table.rowIds).toEqual(["1", "2", "3"]);
    const again = only(db, tablePlan("t", { a: TEXT, b: INT4, v: INT4 }));
    expect(troubles(again)).toEqual(["2 v not-readable", "4 v not-readable"]);
    expect(again.quarantined.map(({ row }) => row)).toEqual([
      { a: "y", b: 1, v: "bad" },
      { a: "z", b: 3, v: { text: "/w==" } },
    ]);
  });

  it("whose table has taken all names of the rowid are known by their places", () => {
    const db = file(
      `CREATE TABLE t (rowid, _ROWID_, OID, v); INSERT INTO t VALUES (9, 9, 9, 1), (8, 8, 8, 'bad')`,
    );
    const table = only(db, tablePlan("t", { v: INT4 }));
    expect(table.rowIds).toEqual(["1"]);
    expect(troubles(table)).toEqual(["2 v not-readable"]);
    expect(table.quarantined[0]?.row).toMatchObject({ rowid: 8, v: "bad" });
  });

  it("have ids of their own where the primary key is none of SQLite's", () => {
    const db = file(
      `CREATE TABLE t (id INTEGER PRIMARY KEY DESC, v); INSERT INTO t VALUES (50, 1), (40, 2), (NULL, 3)`,
    );
    const table = only(db, tablePlan("t", { id: INT4, v: INT4 }));
    expect(table.rows).toEqual([
      ["50", "1"],
      ["40", "2"],
      [null, "3"],
    ]);
    expect(table.rowIds).toEqual(["1", "2", "3"]);
  });

  it(
    "come in batches that don't grow with the table, and a huge row is a batch alone",
    () => {
      const db = file(
        `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
      INSERT INTO t SELECT value, CASE value WHEN 30000 THEN printf('%.*c', 2000000, 'x') ELSE 'م' END
        FROM generate_series(1, 60000)`.replace(
          "generate_series(1, 60000)",
          "(WITH RECURSIVE s(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM s WHERE value < 60000) SELECT value FROM s)",
        ),
      );
      const sizes: number[] = [];
      const ids: string[] = [];
      streamImport(db, { tables: [tablePlan("t", { id: INT4, v: TEXT })] }, [], (event) => {
        if (event.kind !== "rows") return;
        expect(event.rows).toBe(event.rowIds.length);
        expect(event.rows).toBeLessThanOrEqual(20_000);
        expect(event.text.toString().split("\n")).toHaveLength(event.rows + 1);
        sizes.push(event.text.length);
        ids.push(...event.rowIds);
      });
      expect(ids).toEqual(Array.from({ length: 60_000 }, (_, index) => `${index + 1}`));
      expect(sizes.filter((size) => size > 256 * 1024)).toEqual([2_000_007]);
    },
    PATIENCE_MS,
  );

  it("hold a receiver's refusal in the middle: what it throws ends the reading", () => {
    const db = file("CREATE TABLE t (v); INSERT INTO t VALUES (1)");
    const stop = (): never => {
      throw new Error("pipe closed");
    };
    expect(() => streamImport(db, { tables: [tablePlan("t", { v: INT4 })] }, [], stop)).toThrow(
      "pipe closed",
    );
    expect(only(db, tablePlan("t", { v: INT4 })).rows).toEqual([["1"]]);
  });
});

describe("text that isn't what it should be", () => {
  const values = `CREATE TABLE t (id INTEGER PRIMARY KEY, v);
    INSERT INTO t VALUES (1, CAST(x'41ff42' AS TEXT)), (2, 'real ' || char(65533)), (3, 'a' || char(0) || 'b'),
      (4, CAST(x'efbbbf41' AS TEXT)), (5, CAST(x'eda080' AS TEXT)), (6, x'4142'), (7, 12), (8, 'plain'),
      (9, CAST(x'f09f98' AS TEXT)), (10, CAST(x'c080' AS TEXT))`;

  it("is told apart to the byte: broken UTF-8, NUL and blobs go to quarantine, a real U+FFFD and a BOM stay", () => {
    const table = only(file(values), tablePlan("t", { id: INT4, v: TEXT }));
    expect(table.rows).toEqual([
      ["2", "real \ufffd"],
      ["4", "\ufeffA"],
      ["7", "12"],
      ["8", "plain"],
    ]);
    expect(troubles(table)).toEqual([
      "1 v not-utf8",
      "3 v nul-in-text",
      "5 v not-utf8",
      "6 v not-readable",
      "9 v not-utf8",
      "10 v not-utf8",
    ]);
    expect(table.quarantined.map(({ row }) => row.v)).toEqual([
      { text: "Qf9C" },
      { text: Buffer.from("a\0b").toString("base64") },
      { text: "7aCA" },
      { bytes: "QUI=" },
      { text: "8J+Y" },
      { text: "wIA=" },
    ]);
    expect(table.figures.converted).toEqual({ v: { "number-to-text": 1 } });
  });

  it("is found in JSON and in unknown columns as well, and in columns that are not copied it is only shown", () => {
    const rules = [
      { kind: "json", asString: true },
      { kind: "json", asString: false },
      { kind: "anything" },
    ] as const;
    for (const value of rules) {
      const table = only(file(values), tablePlan("t", { id: INT4, v: value }));
      expect(table.quarantined.filter(({ code }) => code === "not-utf8").map(({ rowId }) => rowId)).toEqual([
        "1",
        "5",
        "9",
        "10",
      ]);
    }
    const db = file(`CREATE TABLE t (a, b); INSERT INTO t VALUES ('bad', CAST(x'ff' AS TEXT))`);
    expect(only(db, tablePlan("t", { a: INT4 })).quarantined[0]?.row).toEqual({
      a: "bad",
      b: { text: "/w==" },
    });
  });

  it("is right in files of UTF-16 too", () => {
    const db = file(`PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (v);
      INSERT INTO t VALUES ('مرحبا 😀'), ('real ' || char(65533)), (CAST(x'00d84100' AS TEXT))`);
    const table = only(db, tablePlan("t", { v: TEXT }));
    expect(table.rows).toEqual([["مرحبا 😀"], ["real \ufffd"]]);
    expect(troubles(table)).toEqual(["3 v not-utf8"]);
    expect(table.quarantined[0]?.row).toEqual({
      v: { text: Buffer.of(0, 0xd8, 0x41, 0).toString("base64") },
    });
  });
});

describe("a row in quarantine", () => {
  it("is shown as it was, every column of it, but no secret", () => {
    const db = file(`CREATE TABLE users (id INTEGER PRIMARY KEY, name, password_hash, unknown, age INTEGER);
      INSERT INTO users VALUES (5, x'00ff', 'pbkdf2:sha256:1$s$h', 1e999, 'old')`);
    const plan = tablePlan(
      "users",
      { id: INT4, age: INT4 },
      { target: "people", secrets: ["password_hash"] },
    );
    expect(only(db, plan).quarantined).toEqual([
      {
        table: "users",
        target: "people",
        rowId: "5",
        column: "age",
        code: "not-readable",
        reason: expect.stringMatching(/^[A-Z].*\.$/),
        row: { id: 5, name: { bytes: "AP8=" }, unknown: { real: "Infinity" }, age: "old" },
      },
    ]);
  });

  it("says nothing of its values in the reason", () => {
    const db = file("CREATE TABLE t (v); INSERT INTO t VALUES ('s3cret')");
    expect(only(db, tablePlan("t", { v: INT4 })).quarantined[0]?.reason).not.toContain("s3cret");
  });

  it("isn't counted as converted, summed or added to the checksum", () => {
    const db = file("CREATE TABLE t (a, b); INSERT INTO t VALUES ('5', 'bad'), (1, 2)");
    const table = only(db, tablePlan("t", { a: { value: INT4, summed: true }, b: INT4 }));
    const clean = only(
      file("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2)"),
      tablePlan("t", { a: INT4, b: INT4 }),
    );
    expect(table.figures).toMatchObject({
      read: 2,
      copied: 1,
      quarantined: 1,
      converted: {},
      sums: { a: "1" },
    });
    expect(table.figures.checksum).toBe(clean.figures.checksum);
  });

  it("is what becomes of NULL where there has to be a value, unless the target has a default", () => {
    const db = file("CREATE TABLE t (a, b); INSERT INTO t VALUES (NULL, NULL), (1, NULL), (2, ''), (3, 4)");
    const table = only(
      db,
      tablePlan("t", {
        a: { value: INT4, whenNull: { kind: "quarantine" } },
        b: { value: INT4, whenNull: { kind: "value", text: "0" } },
        none: { value: TEXT, source: null, whenNull: { kind: "value", text: "a\tb" } },
      }),
    );
    expect(table.rows).toEqual([
      ["1", "0", "a\tb"],
      ["2", "0", "a\tb"],
      ["3", "4", "a\tb"],
    ]);
    expect(troubles(table)).toEqual(["1 a missing"]);
    expect(table.figures.converted).toEqual({ b: { "null-to-default": 2, "empty-to-null": 1 } });
  });

  it("may be another license's", () => {
    const db = file(`CREATE TABLE t (id INTEGER PRIMARY KEY, owner);
      INSERT INTO t VALUES (1, 11), (2, '11'), (3, 2), (4, NULL), (5, x'3131'), (6, 'bad')`);
    const owner = { column: "owner", values: ["11", "x"] };
    const table = only(db, tablePlan("t", { id: INT4 }, { owner }));
    expect(table.rowIds).toEqual(["1", "2"]);
    expect(new Set(troubles(table).map((line) => line.slice(2)))).toEqual(new Set(["owner other-license"]));
  });

  it("may be one that PostgreSQL has refused in an earlier try", () => {
    const db = file(
      "CREATE TABLE a (v); INSERT INTO a VALUES (1), (2); CREATE TABLE b (v); INSERT INTO b VALUES (1), (2)",
    );
    const tables = [tablePlan("a", { v: INT4 }), tablePlan("b", { v: INT4 })];
    const [a, b] = runImport(db, tables, [
      { table: 1, rowId: "2", column: "v", reason: "It overlaps another." },
    ]);
    expect(a?.rowIds).toEqual(["1", "2"]);
    expect(b?.rowIds).toEqual(["1"]);
    expect(b?.quarantined).toMatchObject([
      { rowId: "2", column: "v", code: "refused", reason: "It overlaps another.", row: { v: 2 } },
    ]);
  });

  it(
    "is too much when nearly nothing fits: the plan is wrong then, and says so",
    () => {
      const db = file(`CREATE TABLE t (v);
      INSERT INTO t WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 200001) SELECT 'x' FROM s`);
      let told = 0;
      const count = (event: ImportEvent): void => {
        if (event.kind === "quarantined") told++;
      };
      const plan = { tables: [tablePlan("t", { v: INT4 })] };
      expect(() => streamImport(db, plan, [], count)).toThrow(/more than 200000 rows .* mapping doesn't fit/);
      expect(told).toBe(200_000);
    },
    PATIENCE_MS,
  );
});
