import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { quoteIdentifier } from "../identifier.ts";
import { takeSnapshot } from "./take-snapshot.ts";
import { KeptSnapshot } from "./testing/kept-snapshot.ts";
import { newName, openSnapshotDatabase } from "./testing/snapshot-database.ts";

const { exists, load, makeSchema, pool, run, take } = await openSnapshotDatabase();

const VALUES = `
  CREATE TYPE mo_od AS ENUM ('good', 'it''s');
  CREATE TABLE "va""lu'es" ("i""d" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, raw bytea, f float8, small real, n numeric, at timestamptz,
    day date, words text[], deep int[][], doc jsonb, mood mo_od, during tstzrange, twice numeric GENERATED ALWAYS AS (n * 2) STORED, self regclass);
  INSERT INTO "va""lu'es" (raw, f, small, n, at, day, words, deep, doc, mood, during, self) VALUES
    ('\\x00ff5c0a09', 'NaN', '-infinity', 'NaN', 'infinity', '-infinity', ARRAY['a,b', NULL, '', 'NULL', E'\\n\\t\\\\.'], '{{1,2},{3,4}}', '{"a": [1, null, "\\u00e9"]}', 'it''s', '[2020-01-01,)', '"va""lu''es"'),
    (NULL, 0.1 + 0.2, 1e-40, 1e100, '0044-03-15 12:00 BC', '5874897-12-31', '{}', NULL, 'null', NULL, 'empty', NULL),
    ('', '-0', 3.4e38, 0.000, now(), now(), NULL, NULL, '"\\\\."', NULL, NULL, NULL);
  CREATE TABLE nothing_in_it (a int, b text);
  CREATE TABLE no_columns ();
  INSERT INTO no_columns SELECT FROM generate_series(1, 3);
  CREATE TABLE worked_out (a int GENERATED ALWAYS AS (7) STORED);
  INSERT INTO worked_out SELECT FROM generate_series(1, 2);
  CREATE TABLE parts (k int, t text) PARTITION BY LIST (k);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
  CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
  INSERT INTO parts SELECT i % 3, 't' || i FROM generate_series(1, 100) AS i;
  ALTER TABLE parts_rest ADD UNIQUE (t);
  CREATE TABLE "wide" (${Array.from({ length: 1600 }, (_, at) => `c${at} bool`).join(", ")});
  INSERT INTO wide (c0, c1599) VALUES (true, false);
  CREATE SEQUENCE "se""q" START 40; SELECT nextval('"se""q"');
  CREATE SEQUENCE untouched
`;

describe("a snapshot", () => {
  it("comes back with every value, under another name, and gives the same snapshot again", async () => {
    const schema = await makeSchema(VALUES);
    const first = await take(schema);
    const into = newName("loaded");
    const outcome = await load(first.source(), { schema: into });
    expect(outcome).toMatchObject({
      kind: "loaded",
      figures: { definitionCompared: true, tables: 7, sequences: 3 },
    });
    const second = await take(into);
    expect(second.figures).toEqual(first.figures);
    expect({ ...second.contents, schema, takenAt: 0, snapshot: 0 }).toEqual({
      ...first.contents,
      takenAt: 0,
      snapshot: 0,
    });
    const [next] = await run(`SELECT nextval('${quoteIdentifier(into).replaceAll("'", "''")}."se""q"')`);
    expect(next?.rows).toEqual([{ nextval: "41" }]);
  });

  it("is of one moment, while money moves between tables", async () => {
    const tables = ["a", "b", "c", "d", "e", "f"];
    const schema = await makeSchema(
      tables
        .map(
          (t) =>
            `CREATE TABLE ${t} (id int PRIMARY KEY, money bigint NOT NULL); INSERT INTO ${t} SELECT i, 100 FROM generate_series(1, 200) AS i`,
        )
        .join(";"),
    );
    const name = quoteIdentifier(schema);
    let stop = false;
    let moves = 0;
    const movers = Array.from({ length: 3 }, async (_, mover) => {
      for (let at = mover; !stop; at += 1) {
        const [from, to] = [tables[at % 6], tables[(at * 5 + 1 + mover) % 6]];
        await run(`BEGIN; UPDATE ${name}.${from} SET money = money - 7 WHERE id = ${(at % 200) + 1};
          UPDATE ${name}.${to} SET money = money + 7 WHERE id = ${(at % 200) + 1}; COMMIT`).catch(
          (error: { code?: string }) => {
            if (error.code !== "40P01") throw error;
          },
        );
        moves += 1;
      }
    });
    try {
      for (let round = 0; round < 5; round += 1) {
        const before = moves;
        const kept = new KeptSnapshot();
        await takeSnapshot(pool, {
          schema,
          lockOut: false,
          sink: kept.sink,
          // So that some have moved between each table and the next.
          onTable: async () => {
            const now = moves;
            while (moves < now + 20) await pause(1);
          },
        });
        expect(moves).toBeGreaterThan(before + 100);
        const into = newName("loaded");
        expect((await load(kept.source(), { schema: into })).kind).toBe("loaded");
        const sums = tables.map((t) => `(SELECT sum(money) FROM ${quoteIdentifier(into)}.${t})`);
        const [sum] = await run(`SELECT ${sums.join(" + ")} AS sum`);
        expect(sum?.rows).toEqual([{ sum: "120000" }]);
      }
    } finally {
      stop = true;
      await Promise.all(movers);
    }
  });

  it("with writers locked out holds all that was saved before, and nothing is saved after", async () => {
    const schema = await makeSchema("CREATE TABLE t (n int); INSERT INTO t VALUES (1)");
    const table = `${quoteIdentifier(schema)}.t`;
    const writer = await pool.connect();
    await writer.query(`BEGIN; INSERT INTO ${table} VALUES (2)`);
    const kept = new KeptSnapshot();
    let late: Promise<unknown> = Promise.resolve();
    const taking = takeSnapshot(pool, {
      schema,
      lockOut: true,
      sink: kept.sink,
      onTable: async () => {
        late = pool.query(`INSERT INTO ${table} VALUES (3)`).catch((error: unknown) => error);
      },
      beforeEnd: async (client) => {
        await client.query(
          `ALTER SCHEMA ${quoteIdentifier(schema)} RENAME TO ${quoteIdentifier(`${schema} gone`)}`,
        );
        return "commit";
      },
    });
    await pause(100);
    await writer.query("COMMIT");
    writer.release();
    await taking;
    expect(kept.figures.tables[0]?.rows).toBe(2);
    expect(await late).toMatchObject({ code: "42P01" });
    expect(await exists(schema)).toBe(false);
  });

  it("with writers locked out lets one go first who holds what it waits for, and waits for what it holds", async () => {
    const schema = await makeSchema("CREATE TABLE a (n int); CREATE TABLE z (n int)");
    const name = quoteIdentifier(schema);
    const writer = await pool.connect();
    await writer.query(`BEGIN; INSERT INTO ${name}.z VALUES (1)`);
    const kept = new KeptSnapshot();
    const taking = takeSnapshot(pool, {
      schema,
      lockOut: true,
      sink: kept.sink,
      onTable: async () => undefined,
    });
    await expect
      .poll(
        async () => {
          const [waits] = await run(
            "SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND mode = 'ShareLock' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
          );
          return waits?.rows[0].n;
        },
        { timeout: 60_000 },
      )
      .toBe(1);
    // A deadlock from here on. Who began to wait first notices it first, and is to be us.
    await writer.query(`INSERT INTO ${name}.a VALUES (2)`);
    await writer.query("COMMIT");
    writer.release();
    await taking;
    expect(kept.figures.tables.map(({ rows }) => rows)).toEqual([1, 1]);
  });

  it("isn't kept waiting by a store that fails, and leaves its connection to nobody", async () => {
    const schema = await makeSchema(
      "CREATE TABLE t AS SELECT i, repeat('x', 200) FROM generate_series(1, 20000) AS i",
    );
    const trouble = new Error("the store is full");
    const sink = { ...new KeptSnapshot().sink, rows: () => Promise.reject(trouble) };
    await expect(
      takeSnapshot(pool, { schema, lockOut: false, sink, onTable: async () => undefined }),
    ).rejects.toBe(trouble);
    expect((await take(schema)).figures.tables[0]?.rows).toBe(20_000);
  });

  it("says which table holds a value that is too large to be printed", { timeout: 120_000 }, async () => {
    // PostgreSQL stores a field of 512 MB, and prints one of less than 1 GB: bytes take two digits each.
    const schema = await makeSchema(
      "CREATE TABLE small (id int); CREATE TABLE too_large (raw bytea); INSERT INTO too_large SELECT convert_to(repeat('a', 536870912), 'UTF8')",
    );
    const error = await take(schema).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "SnapshotReadError", table: "too_large", cause: expect.any(Error) });
    await run(`DROP SCHEMA ${quoteIdentifier(schema)} CASCADE`);
  });

  it("brings back a field of many megabytes", async () => {
    const schema = await makeSchema(
      "CREATE TABLE large (id int, raw bytea, text text); INSERT INTO large SELECT 1, decode(repeat('00ff5c0a', 5000000), 'hex'), repeat(E'\\\\\t\nش', 4000000)",
    );
    const first = await take(schema);
    expect(first.figures.tables[0]?.bytes).toBeGreaterThan(60_000_000);
    expect((await load(first.source())).kind).toBe("loaded");
  });
});
