import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, vi } from "vitest";
import { copiedLines, describedImport, makeFile, makeRoot, openReaders, planOf } from "./testing/sources.ts";

vi.setConfig({ testTimeout: 120_000 });

const ENDLESS =
  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n";

/** What stands in a file's schema, changed behind SQLite's back. */
function forge(path: string, statement: string): void {
  using db = new DatabaseSync(path, { defensive: false });
  db.exec(`PRAGMA writable_schema = ON; ${statement}`);
}

describe("views and triggers", () => {
  it("are named and never run, endless ones and ones that go round in circles too", async () => {
    const root = makeRoot();
    const path = makeFile(
      root,
      "a.db",
      `CREATE TABLE t (a); INSERT INTO t VALUES (1);
       CREATE VIEW endless AS ${ENDLESS}; CREATE VIEW one AS SELECT 1 AS a; CREATE VIEW two AS SELECT * FROM one;
       CREATE TRIGGER boom AFTER INSERT ON t BEGIN DELETE FROM t; END`,
    );
    forge(path, "UPDATE sqlite_schema SET sql = 'CREATE VIEW one AS SELECT * FROM two' WHERE name = 'one'");
    const readers = openReaders({ stallMs: 20_000 });
    const description = await readers.describe(root, "a.db");
    expect(description.tables).toMatchObject([{ name: "t", rows: 1 }]);
    expect(description.leftOut).toEqual([
      { name: "endless", kind: "view" },
      { name: "one", kind: "view" },
      { name: "two", kind: "view" },
      { name: "boom", kind: "trigger" },
    ]);
    expect(await copiedLines(await describedImport(readers, root, "a.db"))).toEqual(["1"]);
    for (const name of ["endless", "one"]) expect(await readers.folder(root).rows("a.db", name)).toBeNull();
  });

  it("aren't run under a table's name either", async () => {
    const root = makeRoot();
    const path = makeFile(root, "a.db", `CREATE TABLE t (a); CREATE VIEW license AS ${ENDLESS}`);
    const readers = openReaders({ stallMs: 20_000 });
    const refused = { code: "SOURCE_INVALID", message: expect.stringMatching(/damaged/) };
    for (const rootPage of [0, 2]) {
      forge(path, `UPDATE sqlite_schema SET type = 'table', rootpage = ${rootPage} WHERE name = 'license'`);
      await expect(readers.describe(root, "a.db")).rejects.toMatchObject(refused);
      await expect(readers.folder(root).rows("a.db", "license")).rejects.toMatchObject(refused);
    }
  });

  it("aren't run when a plan asks for one", async () => {
    const root = makeRoot();
    // As much like a table with rows as a view can be.
    const rowIds = "1 AS rowid, 2 AS _rowid_, 3 AS oid";
    makeFile(
      root,
      "a.db",
      `CREATE TABLE t (a); CREATE VIEW v AS SELECT ${rowIds}, c AS a FROM (${ENDLESS}); CREATE VIEW w AS SELECT ${rowIds}, a FROM t;
       CREATE VIRTUAL TABLE x USING fts5(a)`,
    );
    const readers = openReaders({ stallMs: 20_000 });
    const { sha256, ...description } = await readers.describe(root, "a.db");
    for (const name of ["v", "w", "x"]) {
      const table = { name, columns: [{ name: "a", type: "" }], unique: [], rows: 0 };
      const plan = planOf({ ...description, sha256, tables: [table] });
      const events = readers.openImport({ root, file: "a.db", sha256, plan })([]);
      await expect(copiedLines(events)).rejects.toMatchObject({ code: "SOURCE_INVALID" });
    }
  });
});

describe("virtual tables", () => {
  it("are named and left alone, of known and of unknown modules; what they keep in tables of their own is read", async () => {
    const root = makeRoot();
    const path = makeFile(
      root,
      "a.db",
      `CREATE TABLE t (a); INSERT INTO t VALUES (1);
       CREATE VIRTUAL TABLE search USING fts5(words); INSERT INTO search VALUES ('نص');
       CREATE VIRTUAL TABLE boxes USING rtree(id, a, b); CREATE VIRTUAL TABLE forged USING fts5(a)`,
    );
    forge(
      path,
      "UPDATE sqlite_schema SET rootpage = 2, sql = replace(sql, 'CREATE VIRTUAL', 'CREATE /**/ VIRTUAL') WHERE name = 'forged'",
    );
    forge(
      path,
      "INSERT INTO sqlite_schema VALUES ('table', 'strange', 'strange', 0, 'CREATE VIRTUAL TABLE strange USING no_such_module(/etc/passwd)')",
    );
    const readers = openReaders();
    const { tables, leftOut } = await readers.describe(root, "a.db");
    expect(leftOut).toEqual([
      { name: "search", kind: "virtual" },
      { name: "boxes", kind: "virtual" },
      { name: "forged", kind: "virtual" },
      { name: "strange", kind: "virtual" },
    ]);
    expect(tables.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["t", "search_content", "boxes_node"]),
    );
    for (const name of ["search", "strange"])
      expect(await readers.folder(root).rows("a.db", name)).toBeNull();
    expect(await readers.folder(root).rows("a.db", "search_content")).toEqual([{ id: 1, c0: "نص" }]);
  });

  it("don't even check themselves", async () => {
    const root = makeRoot();
    const path = makeFile(
      root,
      "a.db",
      "CREATE TABLE t (a); CREATE VIRTUAL TABLE search USING fts5(words); INSERT INTO search VALUES ('text')",
      "UPDATE search_data SET block = x'00'",
    );
    using db = new DatabaseSync(path);
    expect(db.prepare("PRAGMA quick_check").all()).not.toEqual([{ quick_check: "ok" }]);
    expect((await openReaders().describe(root, "a.db")).tables.length).toBeGreaterThan(1);
  });
});

describe("SQL inside of a table's own declaration", () => {
  it("of defaults, checks, indexes and generated columns reaches nothing outside", async () => {
    const root = makeRoot();
    const path = makeFile(
      root,
      "a.db",
      `CREATE TABLE t (a INT CHECK (a > 0), b TEXT DEFAULT 'x', c TEXT AS (upper(b)), d TEXT AS (lower(b)));
       CREATE INDEX i ON t (lower(b)); INSERT INTO t (a) VALUES (1)`,
    );
    forge(
      path,
      `UPDATE sqlite_schema SET sql = replace(replace(replace(sql, 'upper(b)', 'load_extension(b)'), 'a > 0', 'writefile(b)'),
         'lower(b)', 'zeroblob(100000000)') WHERE name = 't'`,
    );
    const readers = openReaders({ stallMs: 20_000 });
    const outcome = await readers.describe(root, "a.db").catch((error: unknown) => error);
    // SQLite may refuse such a schema; if it doesn't, the columns in question aren't read.
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: "SOURCE_INVALID" });
    else expect(outcome).toMatchObject({ tables: [{ columns: [{ name: "a" }, { name: "b" }] }] });
    expect(existsSync(join(root, "x"))).toBe(false);
    expect(readdirSync(root)).toEqual(["a.db"]);
  });
});
