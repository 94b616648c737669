import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import {
  copiedLines,
  describedImport,
  insertRow,
  makeFile,
  makeRoot,
  manyRows,
  openReaders,
  planOf,
} from "./testing/sources.ts";

vi.setConfig({ testTimeout: 120_000 });

const STRANGE_NAMES = [
  "select",
  "my table",
  'say "hi"',
  "it's",
  "جدول الأصناف",
  "[x]",
  "a;b--c",
  "100%?#&=",
  "`tick`",
  "tab\tand\nline",
  "__proto__",
  "5",
  "🧾",
];

describe("a file's description", () => {
  it("names its tables with columns as declared, what is unique in them, and how many rows they have", async () => {
    const root = makeRoot();
    const path = makeFile(
      root,
      "a.db",
      `CREATE TABLE people (id INTEGER NOT NULL PRIMARY KEY, email VARCHAR(120) NOT NULL UNIQUE, nick TEXT COLLATE NOCASE UNIQUE,
         a INT, b, c TEXT, UNIQUE (a, b));
       CREATE UNIQUE INDEX partly ON people (c) WHERE c IS NOT NULL;
       CREATE UNIQUE INDEX worked_out ON people (lower(c));
       CREATE TABLE pairs (x INT, y TEXT, PRIMARY KEY (y, x)) WITHOUT ROWID;
       CREATE TABLE plain (v TEXT);
       CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT);
       INSERT INTO people (email) VALUES ('a'), ('b'); INSERT INTO counted DEFAULT VALUES`,
    );
    const description = await openReaders().describe(root, "a.db");
    expect(description.tables).toEqual([
      {
        name: "people",
        columns: [
          { name: "id", type: "INTEGER" },
          { name: "email", type: "VARCHAR(120)" },
          { name: "nick", type: "TEXT" },
          { name: "a", type: "INT" },
          { name: "b", type: "" },
          { name: "c", type: "TEXT" },
        ],
        unique: expect.arrayContaining([["id"], ["email"], ["nick"], ["a", "b"]]),
        rows: 2,
      },
      { name: "pairs", columns: expect.anything(), unique: [["y", "x"]], rows: 0 },
      { name: "plain", columns: [{ name: "v", type: "TEXT" }], unique: [], rows: 0 },
      { name: "counted", columns: expect.anything(), unique: [["id"]], rows: 1 },
    ]);
    expect(description.tables[0]?.unique).toHaveLength(4);
    expect(description.leftOut).toEqual([]);
    expect(description.bytes).toBe(readFileSync(path).length);
    expect(description.sha256).toBe(createHash("sha256").update(readFileSync(path)).digest("hex"));
  });

  it("finds tables and columns under any names", async () => {
    const root = makeRoot();
    const quoted = STRANGE_NAMES.map((name) => `"${name.replaceAll('"', '""')}"`);
    makeFile(
      root,
      "names.db",
      ...quoted.map(
        (name) => `CREATE TABLE ${name} (${quoted.join(", ")}); INSERT INTO ${name} DEFAULT VALUES`,
      ),
    );
    const readers = openReaders();
    const { tables } = await readers.describe(root, "names.db");
    expect(tables.map(({ name }) => name)).toEqual(STRANGE_NAMES);
    for (const { columns, rows } of tables) {
      expect(columns.map(({ name }) => name)).toEqual(STRANGE_NAMES);
      expect(rows).toBe(1);
    }
    const folder = readers.folder(root);
    for (const name of STRANGE_NAMES) {
      const rows = (await folder.rows("names.db", name)) ?? [];
      expect(rows.map((row) => Object.keys(row).sort())).toEqual([STRANGE_NAMES.toSorted()]);
    }
    const lines = await copiedLines(await describedImport(readers, root, "names.db"));
    expect(lines).toEqual(STRANGE_NAMES.map(() => STRANGE_NAMES.map(() => "\\N").join("\t")));
  });

  it("reads files under any names", async () => {
    const root = makeRoot();
    const readers = openReaders();
    for (const name of [
      "a b.db",
      "100%.db",
      "x?immutable=0&mode=rwc",
      "#1.db",
      "قاعدة.db",
      'it\'s "it".db',
      "~",
      ":memory:",
    ]) {
      makeFile(root, name, "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
      expect((await readers.describe(root, name)).tables[0]?.rows).toBe(1);
    }
  });

  it("holds two hundred columns", async () => {
    const root = makeRoot();
    const columns = Array.from({ length: 200 }, (_, index) => `c${index}`);
    makeFile(
      root,
      "wide.db",
      `CREATE TABLE wide (${columns.join(", ")}); INSERT INTO wide VALUES (${columns.map((_, index) => index).join(", ")})`,
    );
    const readers = openReaders();
    expect((await readers.describe(root, "wide.db")).tables[0]?.columns).toHaveLength(200);
    const lines = await copiedLines(await describedImport(readers, root, "wide.db"));
    expect(lines).toEqual([columns.map((_, index) => `${index}`).join("\t")]);
  });

  it("counts generated columns in, but for those that need more than harmless functions", async () => {
    const root = makeRoot();
    makeFile(
      root,
      "generated.db",
      `CREATE TABLE t (a INT, sum INT AS (a + 1), name TEXT AS (upper(hex(a))), kept TEXT AS (printf('%d!', a)) STORED,
         bomb TEXT AS (printf('%.*c', 1000, 'x')));
       INSERT INTO t (a) VALUES (41)`,
    );
    const readers = openReaders();
    const { tables } = await readers.describe(root, "generated.db");
    expect(tables[0]?.columns.map(({ name }) => name)).toEqual(["a", "sum", "name", "kept"]);
    expect(await readers.folder(root).rows("generated.db", "t")).toEqual([
      { a: 41, sum: 42, name: "3431", kept: "41!" },
    ]);
  });

  it("is the same for an index with a collation or function that only the old program has", async () => {
    const root = makeRoot();
    makeFile(
      root,
      "collated.db",
      "CREATE TABLE t (a TEXT, b TEXT); INSERT INTO t VALUES ('x', 'y'); CREATE UNIQUE INDEX i ON t (a)",
      `PRAGMA writable_schema = ON;
       UPDATE sqlite_schema SET sql = 'CREATE UNIQUE INDEX i ON t (a COLLATE arabic)' WHERE name = 'i'`,
    );
    const readers = openReaders();
    const { tables } = await readers.describe(root, "collated.db");
    expect(tables).toMatchObject([{ name: "t", rows: 1, unique: [] }]);
    expect(await readers.folder(root).rows("collated.db", "t")).toEqual([{ a: "x", b: "y" }]);
    expect(await copiedLines(await describedImport(readers, root, "collated.db"))).toEqual(["x\ty"]);
  });

  it("is made of a file in UTF-16 too", async () => {
    const root = makeRoot();
    makeFile(
      root,
      "wide.db",
      "PRAGMA encoding = 'UTF-16le'; CREATE TABLE جدول (اسم TEXT); INSERT INTO جدول VALUES ('قيمة')",
    );
    const readers = openReaders();
    expect((await readers.describe(root, "wide.db")).tables[0]).toMatchObject({ name: "جدول", rows: 1 });
    expect(await readers.folder(root).rows("wide.db", "جدول")).toEqual([{ اسم: "قيمة" }]);
  });

  it("leaves nothing beside the file, and the file as it was", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", manyRows(100));
    const before = readFileSync(path);
    const readers = openReaders();
    await copiedLines(await describedImport(readers, root, "a.db"));
    expect(readdirSync(root)).toEqual(["a.db"]);
    expect(readFileSync(path)).toEqual(before);
  });
});

describe("the rows of a small table", () => {
  it("come as they are, whatever they hold", async () => {
    const root = makeRoot();
    const path = makeFile(root, "values.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
    const values = [
      "NULL",
      "1",
      "1.5",
      "9007199254740992",
      "9223372036854775807",
      "-9223372036854775807 - 1",
      "9e999",
      "-9e999",
      "'نص'",
      "''",
      "x''",
      "x'00ff'",
      "CAST(x'610062' AS TEXT)",
      "CAST(x'61ff62' AS TEXT)",
      "char(65533)",
    ];
    for (const value of values) insertRow(path, `INSERT INTO t (v) VALUES (${value})`);
    const rows = await openReaders().folder(root).rows("values.db", "t");
    expect(rows?.map(({ v }) => v)).toEqual([
      null,
      1,
      1.5,
      { integer: "9007199254740992" },
      { integer: "9223372036854775807" },
      { integer: "-9223372036854775808" },
      { real: "Infinity" },
      { real: "-Infinity" },
      "نص",
      "",
      { bytes: "" },
      { bytes: "AP8=" },
      { text: "YQBi" },
      { text: "Yf9i" },
      "\ufffd",
    ]);
  });

  it("are all there when they are many", async () => {
    const root = makeRoot();
    makeFile(root, "many.db", manyRows(20_000, 300));
    const rows = await openReaders().folder(root).rows("many.db", "items");
    expect(rows).toHaveLength(20_000);
    expect(rows?.at(-1)?.id).toBe(20_000);
  });

  it("are none in an empty table, and null where there is no such table", async () => {
    const root = makeRoot();
    makeFile(root, "a.db", "CREATE TABLE license (id); CREATE VIEW licenses AS SELECT 1");
    const folder = openReaders().folder(root);
    expect(await folder.rows("a.db", "license")).toEqual([]);
    expect(await folder.rows("a.db", "licenses")).toBeNull();
    expect(await folder.rows("a.db", "sqlite_master")).toBeNull();
  });
});

describe("an import", () => {
  it("brings rows, ids and figures of every table of the plan, to the limits of what SQLite holds", async () => {
    const root = makeRoot();
    makeFile(
      root,
      "a.db",
      `CREATE TABLE limits (id INTEGER PRIMARY KEY, v);
       INSERT INTO limits VALUES (-9223372036854775808, 1), (9223372036854775807, -9223372036854775808)`,
    );
    const readers = openReaders();
    const events = [];
    for await (const event of await describedImport(readers, root, "a.db")) events.push(event);
    expect(events).toMatchObject([
      {
        kind: "rows",
        table: 0,
        rows: 2,
        rowIds: ["-9223372036854775808", "9223372036854775807"],
        text: Buffer.from("-9223372036854775808\t1\n9223372036854775807\t-9223372036854775808\n"),
      },
      { kind: "table-end", table: 0, figures: { source: "limits", read: 2, copied: 2, quarantined: 0 } },
    ]);
  });

  it("tells of rows that can't come in, and of those refused before", async () => {
    const root = makeRoot();
    makeFile(
      root,
      "a.db",
      "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'a'), (2, CAST(x'ff' AS TEXT)), (3, 'c')",
    );
    const readers = openReaders();
    const { sha256, ...description } = await readers.describe(root, "a.db");
    const open = readers.openImport({ root, file: "a.db", sha256, plan: planOf({ sha256, ...description }) });
    const refused = [{ table: 0, rowId: "3", column: "v", reason: "PostgreSQL refused it." }];
    const quarantined = [];
    for await (const event of open(refused)) if (event.kind === "quarantined") quarantined.push(event.row);
    expect(quarantined).toMatchObject([
      { rowId: "2", code: "not-utf8", row: { id: 2, v: { text: "/w==" } } },
      { rowId: "3", code: "refused", row: { id: 3, v: "c" } },
    ]);
    // A further try starts from the beginning.
    expect(await copiedLines(open([]))).toEqual(["1\ta", "3\tc"]);
  });

  it("comes in whole through many batches", async () => {
    const root = makeRoot();
    makeFile(root, "many.db", manyRows(50_000, 100));
    const readers = openReaders();
    let batches = 0;
    let next = 1;
    for await (const event of await describedImport(readers, root, "many.db")) {
      if (event.kind !== "rows") continue;
      batches++;
      expect(event.rowIds).toHaveLength(event.rows);
      expect(event.rowIds[0]).toBe(`${next}`);
      next += event.rows;
    }
    expect(next).toBe(50_001);
    expect(batches).toBeGreaterThan(10);
  });

  it("is refused when the file has changed since it was planned", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", manyRows(10));
    const readers = openReaders();
    const events = await describedImport(readers, root, "a.db");
    insertRow(path, "INSERT INTO items VALUES (11, 'new')");
    // Not even its first rows come.
    await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      name: "SourceError",
      code: "SOURCE_INVALID",
      file: "a.db",
      message: "The file has changed since it was planned.",
    });
  });
});
