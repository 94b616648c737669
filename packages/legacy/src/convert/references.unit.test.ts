import type { ReferencePlan, TablePlan } from "@tenantry/schema/legacy";
import { describe, expect, it } from "vitest";
import { file, type ImportedTable, INT4, INT8, runImport, TEXT, tablePlan } from "./testing/plans.ts";
import { seeded } from "./testing/random.ts";

const to = (column: string, table: number | null, seededKeys: string[] = []): ReferencePlan => ({
  column,
  table,
  seeded: seededKeys,
});

const troubles = (tables: readonly ImportedTable[]): string[] =>
  tables.flatMap(({ quarantined }) =>
    quarantined.map(({ table, rowId, column, code }) => `${table} ${rowId} ${column} ${code}`),
  );
const ids = (tables: readonly ImportedTable[]): (string | null | undefined)[][] =>
  tables.map(({ rows }) => rows.map(([id]) => id));

/** For files of many rows, on a busy machine. */
const PATIENCE_MS = 120_000;

describe("a row that refers to another", () => {
  const parents = tablePlan("parents", { id: INT4, v: INT4 }, { key: "id" });
  const children = tablePlan(
    "children",
    { id: INT4, parent_id: INT4 },
    { key: "id", references: [to("parent_id", 0)] },
  );
  const grandchildren = tablePlan(
    "grandchildren",
    { id: INT4, child_id: INT4 },
    { references: [to("child_id", 1)] },
  );
  const sql = `CREATE TABLE parents (id INTEGER PRIMARY KEY, v);
    CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id);
    CREATE TABLE grandchildren (id INTEGER PRIMARY KEY, child_id);
    INSERT INTO parents VALUES (1, 1), (2, 'bad'), (3, 3);
    INSERT INTO children VALUES (1, 1), (2, 2), (3, 9), (4, NULL), (5, '3'), (6, 3.0), (7, ''), (8, 'x'), (9, ' 2 ');
    INSERT INTO grandchildren VALUES (1, 1), (2, 2), (3, 3), (4, 8), (5, 5), (6, 10), (7, 9)`;

  it("comes in with it, is an orphan without it, and goes to quarantine after it, and so do those that refer to the row", () => {
    const tables = runImport(file(sql), [parents, children, grandchildren]);
    expect(ids(tables)).toEqual([
      ["1", "3"],
      ["1", "4", "5", "6", "7"],
      ["1", "5"],
    ]);
    expect(troubles(tables)).toEqual([
      "parents 2 v not-readable",
      "children 2 parent_id depends",
      "children 3 parent_id orphan",
      "children 8 parent_id not-readable",
      "children 9 parent_id depends",
      "grandchildren 2 child_id depends",
      "grandchildren 3 child_id depends",
      "grandchildren 4 child_id depends",
      "grandchildren 6 child_id orphan",
      "grandchildren 7 child_id depends",
    ]);
    expect(tables[1]?.quarantined[0]?.reason).toBe(
      "It points at a row of parents that is in quarantine itself.",
    );
  });

  it("does so in whatever order the tables come", () => {
    const reordered = (table: TablePlan, index: number): TablePlan => ({
      ...table,
      references: table.references.map((reference) => ({ ...reference, table: index })),
    });
    const tables = runImport(file(sql), [reordered(grandchildren, 1), reordered(children, 2), parents]);
    expect(ids(tables)).toEqual([
      ["1", "5"],
      ["1", "4", "5", "6", "7"],
      ["1", "3"],
    ]);
  });

  it("follows a row that PostgreSQL refused, or that is another license's", () => {
    const refused = runImport(
      file(sql),
      [parents, children],
      [{ table: 0, rowId: "1", column: "v", reason: "No." }],
    );
    expect(troubles(refused)).toContain("children 1 parent_id depends");
    const owned = { ...parents, owner: { column: "v", values: ["3"] } };
    expect(ids(runImport(file(sql), [owned, children]))).toEqual([["3"], ["4", "5", "6", "7"]]);
  });

  it("may refer to what the blueprint's own seed puts there, where the file has no such table", () => {
    const tables = runImport(file(sql), [{ ...children, references: [to("parent_id", null, ["1", "3"])] }]);
    expect(ids(tables)).toEqual([["1", "4", "5", "6", "7"]]);
    expect(troubles(tables).filter((line) => line.endsWith("orphan"))).toHaveLength(3);
  });

  it("only refers where its condition holds", () => {
    const db =
      file(`CREATE TABLE customers (id INTEGER PRIMARY KEY, v); CREATE TABLE suppliers (id INTEGER PRIMARY KEY, v);
      CREATE TABLE payments (id INTEGER PRIMARY KEY, party_type, party_id, customer_id);
      INSERT INTO customers VALUES (1, 1), (2, 'bad'); INSERT INTO suppliers VALUES (3, 3);
      INSERT INTO payments VALUES (1, 'customer', 1, 1), (2, 'customer', 2, NULL), (3, 'supplier', 3, NULL),
        (4, 'supplier', 1, NULL), (5, 'other', 77, NULL), (6, NULL, 77, NULL), (7, 'customer', 1, 3), (8, 'supplier', 3, 4)`);
    const party = (text: string, table: number): ReferencePlan => ({
      ...to("party_id", table),
      when: { column: "party_type", in: [text] },
    });
    const tables = runImport(db, [
      tablePlan("customers", { id: INT4, v: INT4 }, { key: "id" }),
      tablePlan("suppliers", { id: INT4, v: INT4 }, { key: "id" }),
      tablePlan(
        "payments",
        { id: INT4, party_type: TEXT, party_id: INT4, customer_id: INT4 },
        {
          references: [party("customer", 0), party("supplier", 1)],
          equal: [
            { column: "customer_id", to: "party_id", when: { column: "party_type", in: ["customer"] } },
          ],
        },
      ),
    ]);
    expect(troubles(tables)).toEqual([
      "customers 2 v not-readable",
      "payments 2 party_id depends",
      "payments 4 party_id orphan",
      "payments 7 customer_id not-allowed",
    ]);
  });

  it("goes with every row that it depends on, in circles of tables and whichever comes first", () => {
    const db = file(`CREATE TABLE users (id INTEGER PRIMARY KEY, branch_id, age);
      CREATE TABLE branches (id INTEGER PRIMARY KEY, manager_id, code);
      INSERT INTO users VALUES (1, 1, 30), (2, 2, 30), (3, 3, 'bad'), (4, 3, 30), (5, 4, 30), (6, NULL, 30), (7, 99, 30);
      INSERT INTO branches VALUES (1, 2, 'a'), (2, 1, 'b'), (3, 6, 'c'), (4, 3, 'd'), (5, 5, 'e'), (6, 7, 'f'), (7, NULL, 'g')`);
    const users = tablePlan(
      "users",
      { id: INT4, branch_id: INT4, age: INT4 },
      { key: "id", references: [to("branch_id", 1)] },
    );
    const branches = tablePlan(
      "branches",
      { id: INT4, manager_id: INT4, code: TEXT },
      { key: "id", references: [to("manager_id", 0)] },
    );
    const tables = runImport(db, [users, branches]);
    expect(ids(tables)).toEqual([
      ["1", "2", "4", "6"],
      ["1", "2", "3", "7"],
    ]);
    expect(troubles(tables)).toEqual([
      "users 3 age not-readable",
      "users 5 branch_id depends",
      "users 7 branch_id orphan",
      "branches 4 manager_id depends",
      "branches 5 manager_id depends",
      "branches 6 manager_id depends",
    ]);
  });

  it("goes with its whole tree, whether children come after their parents or before", () => {
    const tree = tablePlan(
      "tree",
      { id: INT4, parent_id: INT4, v: INT4 },
      { key: "id", references: [to("parent_id", 0)] },
    );
    for (const parentOf of [(id: number) => id - 1, (id: number) => (id % 2000) + 1]) {
      const db = file("CREATE TABLE tree (id INTEGER PRIMARY KEY, parent_id, v)");
      const insert = db.prepare("INSERT INTO tree VALUES (?, ?, ?)");
      const root = parentOf(2) === 1 ? 1 : 2000;
      for (let id = 1; id <= 2000; id++)
        insert.run(id, id === root ? null : parentOf(id), id === 1000 ? "bad" : id);
      const [table] = runImport(db, [tree]);
      // The bad one, and the half of the chain that hangs on it.
      expect(table?.figures.copied).toBe(root === 1 ? 999 : 1000);
      const codes = table?.quarantined.map(({ code }) => code) ?? [];
      expect(codes.filter((code) => code === "not-readable")).toHaveLength(1);
      expect(codes.filter((code) => code === "depends")).toHaveLength(codes.length - 1);
    }
  });

  it("may refer to itself", () => {
    const tree = tablePlan(
      "tree",
      { id: INT4, parent_id: INT4 },
      { key: "id", references: [to("parent_id", 0)] },
    );
    const db = file(
      "CREATE TABLE tree (id INTEGER PRIMARY KEY, parent_id); INSERT INTO tree VALUES (1, 1), (2, 3)",
    );
    expect(troubles(runImport(db, [tree]))).toEqual(["tree 2 parent_id orphan"]);
  });

  it("ends as a model of plain sets says, for any web of references", () => {
    const random = seeded(99);
    for (let round = 0; round < 60; round++) {
      const count = random.int(1, 4);
      const size = random.int(1, 25);
      const edges = Array.from({ length: count }, () =>
        Array.from({ length: random.int(0, 3) }, () => random.int(0, count - 1)),
      );
      const rows = edges.map((targets) =>
        Array.from({ length: size }, (_, id) => ({
          id,
          bad: random.next() < 0.04,
          refers: targets.map(() =>
            random.next() < 0.6 ? null : random.int(0, size - (random.next() < 0.97 ? 1 : 0)),
          ),
        })),
      );
      const lost = rows.map((table) => new Set(table.filter(({ bad }) => bad).map(({ id }) => id)));
      for (let before = -1, after = 0; before !== after; ) {
        before = after;
        for (const [table, targets] of edges.entries()) {
          for (const { id, refers } of rows[table] ?? []) {
            const isLost = refers.some((key, at) => {
              const parent = targets[at] ?? 0;
              return key !== null && (key >= size || lost[parent]?.has(key));
            });
            if (isLost) lost[table]?.add(id);
          }
        }
        after = lost.reduce((sum, set) => sum + set.size, 0);
      }
      const db = file("");
      const plans = edges.map((targets, table) => {
        const names = targets.map((_, at) => `r${at}`);
        db.exec(`CREATE TABLE t${table} (${["id INTEGER PRIMARY KEY", "v", ...names].join(", ")})`);
        const insert = db.prepare(
          `INSERT INTO t${table} VALUES (${["?", "?", ...names.map(() => "?")].join(", ")})`,
        );
        for (const { id, bad, refers } of rows[table] ?? []) insert.run(id, bad ? "bad" : 1, ...refers);
        const columns = Object.fromEntries(["id", "v", ...names].map((name) => [name, INT4]));
        return tablePlan(`t${table}`, columns, {
          key: "id",
          references: targets.map((target, at) => to(`r${at}`, target)),
        });
      });
      const kept = runImport(db, plans).map((table) => table.rows.map(([id]) => Number(id)));
      expect(kept).toEqual(
        rows.map((table, at) => table.map(({ id }) => id).filter((id) => !lost[at]?.has(id))),
      );
    }
  });
});

describe("a key", () => {
  const child = (value: typeof INT4): TablePlan =>
    tablePlan("children", { id: INT4, parent: value }, { references: [to("parent", 0)] });

  it("may be of any size, wide apart or close together", () => {
    const keys = ["-9223372036854775808", "-5", "0", "9007199254740993", "9223372036854775807"];
    const db =
      file(`CREATE TABLE parents (id INTEGER PRIMARY KEY); CREATE TABLE children (id INTEGER PRIMARY KEY, parent);
      INSERT INTO parents VALUES ${keys.map((key) => `(${key})`).join(", ")};
      INSERT INTO children (parent) VALUES ${keys.map((key) => `(${key})`).join(", ")}, (9007199254740992), (1), (-9223372036854775807)`);
    const tables = runImport(db, [tablePlan("parents", { id: INT8 }, { key: "id" }), child(INT8)]);
    expect(tables[1]?.rowIds).toEqual(["1", "2", "3", "4", "5"]);
    const close =
      file(`CREATE TABLE parents (id INTEGER PRIMARY KEY); CREATE TABLE children (id INTEGER PRIMARY KEY, parent);
      INSERT INTO parents VALUES (9223372036854775800), (9223372036854775807);
      INSERT INTO children (parent) VALUES (9223372036854775807), (9223372036854775806), (9223372036854775800), (0)`);
    expect(
      runImport(close, [tablePlan("parents", { id: INT8 }, { key: "id" }), child(INT8)])[1]?.rowIds,
    ).toEqual(["1", "3"]);
    const negative =
      file(`CREATE TABLE parents (id INTEGER PRIMARY KEY); CREATE TABLE children (id INTEGER PRIMARY KEY, parent);
      INSERT INTO parents VALUES (-20), (-3), (11);
      INSERT INTO children (parent) VALUES (-20), (-21), (-3), (-4), (11), (12), (1000000)`);
    expect(
      runImport(negative, [tablePlan("parents", { id: INT4 }, { key: "id" }), child(INT4)])[1]?.rowIds,
    ).toEqual(["1", "3", "5"]);
  });

  it("is compared as it is after conversion, whatever the columns' types are", () => {
    const db =
      file(`CREATE TABLE parents (code TEXT PRIMARY KEY, n); CREATE TABLE children (id INTEGER PRIMARY KEY, parent);
      INSERT INTO parents VALUES ('007', '12'), ('a', 13), ('B', 14.0), ('12', 'bad');
      INSERT INTO children (parent) VALUES ('007'), (7), ('A'), ('a'), (12), ('12'), (13), ('13.0'), (14)`);
    const byText = runImport(db, [
      tablePlan("parents", { code: TEXT, n: TEXT }, { key: "code" }),
      child(TEXT),
    ]);
    expect(byText[1]?.rowIds).toEqual(["1", "4", "5", "6"]);
    const byNumber = runImport(db, [
      tablePlan("parents", { code: TEXT, n: INT4 }, { key: "n" }),
      child(INT4),
    ]);
    expect(byNumber[1]?.rowIds).toEqual(["5", "6", "7", "8", "9"]);
  });

  it("is a number as it is printed, where texts refer to it", () => {
    const sql = `CREATE TABLE parents (id INTEGER PRIMARY KEY); CREATE TABLE children (id INTEGER PRIMARY KEY, parent);
      INSERT INTO children (parent) VALUES ('12'), ('012'), (' 12'), ('12.0'), ('1.2e1'), ('+12'), (''), ('-0'), ('0'), ('NaN'),
        ('9999999999999999999'), ('99999999999999999999');`;
    for (const more of ["(0), (12)", "(0), (12), (9000000000000000000)"]) {
      const tables = runImport(file(`${sql} INSERT INTO parents VALUES ${more}`), [
        tablePlan("parents", { id: INT8 }, { key: "id" }),
        child(TEXT),
      ]);
      expect(tables[1]?.rowIds).toEqual(["1", "9"]);
    }
  });

  it("that can't be read itself takes those with it that hold the same", () => {
    const db =
      file(`CREATE TABLE parents (id INTEGER PRIMARY KEY); CREATE TABLE children (id INTEGER PRIMARY KEY, parent);
      INSERT INTO parents VALUES (5), (3000000000); INSERT INTO children (parent) VALUES (5), (3000000000), (3000000001)`);
    const tables = runImport(db, [tablePlan("parents", { id: INT4 }, { key: "id" }), child(INT8)]);
    expect(troubles(tables)).toEqual([
      "parents 3000000000 id out-of-range",
      "children 2 parent depends",
      "children 3 parent orphan",
    ]);
  });

  it(
    "may be one of many that are no numbers: more than stay in memory",
    () => {
      const db =
        file(`CREATE TABLE parents (code TEXT); CREATE TABLE children (id INTEGER PRIMARY KEY, parent);
      INSERT INTO parents WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 120000) SELECT 'key ' || n FROM s;
      INSERT INTO children (parent) VALUES ('key 1'), ('key 120000'), ('key 0'), ('KEY 1')`);
      const tables = runImport(db, [tablePlan("parents", { code: TEXT }, { key: "code" }), child(TEXT)]);
      expect(tables[1]?.rowIds).toEqual(["1", "2"]);
    },
    PATIENCE_MS,
  );
});

describe("a plan that doesn't hold together", () => {
  it("is refused", () => {
    const db = file("CREATE TABLE a (v); CREATE TABLE b (v)");
    const a = tablePlan("a", { v: INT4 });
    expect(() => runImport(db, [a, tablePlan("b", { v: INT4 }, { references: [to("v", 0)] })])).toThrow(
      /names no key/,
    );
    expect(() => runImport(db, [{ ...a, key: "id" }])).toThrow(/has no column id/);
    expect(() => runImport(db, [tablePlan("missing", { v: INT4 })])).toThrow(/no such table/);
  });
});
