import { readFile } from "node:fs/promises";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { withAdmin } from "../../../../test/support/database.ts";
import { quoteIdentifier } from "../identifier.ts";
import { SnapshotLoadError, SnapshotMismatchError } from "./errors.ts";
import type { LoadInput } from "./load-snapshot.ts";
import type { SnapshotSource } from "./tenant-snapshot.ts";
import type { KeptSnapshot } from "./testing/kept-snapshot.ts";
import { newName, openSnapshotDatabase } from "./testing/snapshot-database.ts";
import { verifyLoaded } from "./verify-loaded.ts";

const { adminUrl, exists, gateway, load, makeSchema, run, take } = await openSnapshotDatabase();

/** A snapshot that was taken there of a schema with some of everything. */
const FROM_15 = new URL("./testing/from-postgresql-15.json", import.meta.url);

describe("a load", () => {
  const SMALL = `CREATE TABLE p (id int PRIMARY KEY, name text); CREATE TABLE q (id serial PRIMARY KEY, p int REFERENCES p, n int CHECK (n > 0));
    INSERT INTO p VALUES (1, 'one'), (2, 'two'); INSERT INTO q (p, n) VALUES (1, 5), (2, 6)`;

  it("finds whatever isn't as the snapshot says, and leaves nothing", async () => {
    const kept = await take(await makeSchema(SMALL));
    const { figures, contents } = kept;
    const changed = (table: number, change: object): object[] =>
      figures.tables.map((rows, at) => (at === table ? { ...rows, ...change } : rows));
    const [p] = figures.tables;
    const text = Buffer.concat(
      kept.chunks.filter(({ table }) => table === 0).map(({ chunk }) => chunk),
    ).toString();
    const withRows = (rows: string): SnapshotSource => ({
      contents,
      figures,
      rows: async function* () {
        yield { table: 0, chunk: Buffer.from(rows) };
        yield* kept.chunks.filter(({ table }) => table > 0);
      },
    });
    const cases: [string, SnapshotSource][] = [
      ["content of p", withRows(text.replace("one", "eno"))],
      ["rows of p", withRows(`${text}3\tthree\n`)],
      ["rows of p", kept.source({}, { tables: changed(0, { rows: (p?.rows ?? 0) + 1 }) as never })],
      [
        "rows of q",
        {
          ...kept.source(),
          rows: async function* () {
            yield* kept.chunks.filter(({ table }) => table === 0);
          },
        },
      ],
      [
        "definition",
        kept.source({ after: contents.after.replace(/CHECK \(\(n > 0\)\)/, "CHECK ((n > 0)) NOT VALID") }),
      ],
      ["definition", kept.source({ after: `${contents.after}\nCREATE INDEX ON q (n);` })],
      ["definition", kept.source({ after: `${contents.after}\nGRANT SELECT ON q TO PUBLIC;` })],
    ];
    for (const [what, source] of cases) {
      const schema = newName("loaded");
      await expect(load(source, { schema }), what).rejects.toThrow(
        expect.objectContaining({ name: "SnapshotMismatchError", what }),
      );
      expect(await exists(schema)).toBe(false);
    }
  });

  it("finds what was changed behind it", async () => {
    const source = (await take(await makeSchema(SMALL))).source();
    const cases: [string, string][] = [
      ["content of p", "UPDATE p SET name = 'eno' WHERE id = 1"],
      ["rows of q", "DELETE FROM q WHERE id = 1"],
      ["sequence q_id_seq", "SELECT setval('q_id_seq', 1)"],
      ["sequence q_id_seq", "SELECT setval('q_id_seq', 2, false)"],
      [
        "definition",
        "ALTER TABLE q DROP CONSTRAINT q_p_fkey; ALTER TABLE q ADD FOREIGN KEY (p) REFERENCES p NOT VALID",
      ],
      ["definition", "ALTER TABLE q DROP CONSTRAINT q_n_check"],
      ["definition", "CREATE FUNCTION extra() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
    ];
    for (const [what, sql] of cases) {
      const schema = newName("loaded");
      const loading = load(source, {
        schema,
        finish: async (client) => {
          await verifyLoaded(client, schema, source);
          await client.query(sql);
          await verifyLoaded(client, schema, source);
          return "commit";
        },
      });
      await expect(loading, sql).rejects.toThrow(expect.objectContaining({ what }));
      expect(await exists(schema)).toBe(false);
    }
  });

  it("says what PostgreSQL refused, and leaves nothing", async () => {
    const kept = await take(await makeSchema(SMALL));
    const cases: [string, SnapshotSource][] = [
      ["tables", kept.source({ before: "CREATE TABLE;" })],
      ["keys and indexes", kept.source({ after: "CREATE INDEX ON nowhere (n);" })],
      [
        "rows of p",
        {
          ...kept.source(),
          rows: async function* () {
            yield { table: 0, chunk: Buffer.from("1\tx\ty\n") };
          },
        },
      ],
    ];
    for (const [part, source] of cases) {
      const schema = newName("loaded");
      const error = await load(source, { schema }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SnapshotLoadError);
      expect(error).toMatchObject({ part });
      expect(await exists(schema)).toBe(false);
    }
  });

  it("gives a tenant's role its rights, and makes it where it isn't there", async () => {
    const kept = await take(await makeSchema(SMALL));
    const [schema, role] = [newName("loaded"), newName("role")];
    await load(kept.source(), { schema, role, gateway });
    const [found] =
      await run(`SELECT has_table_privilege(${pg.escapeLiteral(role)}, ${pg.escapeLiteral(`${quoteIdentifier(schema)}.p`)}, 'INSERT') AS may,
      has_schema_privilege(${pg.escapeLiteral(role)}, ${pg.escapeLiteral(schema)}, 'USAGE') AS enters`);
    expect(found?.rows).toEqual([{ may: true, enters: true }]);
  });

  it("of one tenant twice at once makes one schema; asked not to, none", async () => {
    const kept = await take(await makeSchema(SMALL));
    const schema = newName("loaded");
    const both = await Promise.all([load(kept.source(), { schema }), load(kept.source(), { schema })]);
    expect(both.map(({ kind }) => kind).sort()).toEqual(["loaded", "name-taken"]);
    const other = newName("loaded");
    expect(await load(kept.source(), { schema: other, mayProceed: async () => false })).toEqual({
      kind: "superseded",
    });
    expect((await load(kept.source(), { schema: other, finish: async () => "roll-back" })).kind).toBe(
      "rolled-back",
    );
    expect(await exists(other)).toBe(false);
  });

  it("leaves nothing when its connection is killed, at any step", async () => {
    const kept = await take(await makeSchema(SMALL));
    const kill = (): Promise<unknown> =>
      withAdmin(adminUrl, (admin) =>
        admin.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'snapshot test' AND (state LIKE 'idle in transaction%' OR query LIKE 'COPY%')",
        ),
      );
    const steps: ((schema: string) => Partial<LoadInput>)[] = [
      () => ({
        mayProceed: async () => {
          await kill();
          return true;
        },
      }),
      () => ({
        source: {
          ...kept.source(),
          rows: async function* () {
            await kill();
            yield* kept.chunks;
          },
        },
      }),
      () => ({
        source: {
          ...kept.source(),
          rows: async function* () {
            for (const chunk of kept.chunks) {
              yield chunk;
              await kill();
            }
          },
        },
      }),
      () => ({
        finish: async () => {
          await kill();
          return "commit" as const;
        },
      }),
    ];
    for (const step of steps) {
      const schema = newName("loaded");
      const error = await load(kept.source(), { schema, ...step(schema) }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(SnapshotLoadError);
      expect(error).not.toBeInstanceOf(SnapshotMismatchError);
      expect(await exists(schema)).toBe(false);
    }
  });

  it("leaves nothing when its connection is killed while PostgreSQL works", async () => {
    const big = `CREATE TABLE big (id int, text text); INSERT INTO big SELECT i, repeat('x', 900) FROM generate_series(1, 30000) AS i`;
    const kept = await take(await makeSchema(big));
    const { before, after } = kept.contents;
    const cases: [string, SnapshotSource, string][] = [
      ["before", kept.source({ before: `${before}SELECT pg_sleep(60);` }), "%pg_sleep%"],
      ["after", kept.source({ after: `${after}SELECT pg_sleep(60);` }), "%pg_sleep%"],
      ["verification", kept.source(), "COPY%TO STDOUT"],
    ];
    for (const [when, source, query] of cases) {
      const schema = newName("loaded");
      let over = false;
      const loading = load(source, { schema })
        .catch((thrown: unknown) => thrown)
        .finally(() => {
          over = true;
        });
      const killed = await withAdmin(adminUrl, async (admin) => {
        for (;;) {
          const found = await admin.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'snapshot test' AND state = 'active' AND query LIKE $1`,
            [query],
          );
          if (found.rowCount !== 0 || over) return found.rowCount;
        }
      });
      const error = await loading;
      expect(killed, when).toBe(1);
      expect(error, when).toBeInstanceOf(Error);
      expect(error, when).not.toBeInstanceOf(SnapshotLoadError);
      expect(await exists(schema)).toBe(false);
    }
  });

  it("takes what PostgreSQL 15 gave, on this version too", async () => {
    const { contents, figures, rows } = JSON.parse(await readFile(FROM_15, "utf8")) as KeptSnapshot & {
      rows: { table: number; text: string }[];
    };
    const source: SnapshotSource = {
      contents,
      figures,
      rows: async function* () {
        for (const { table, text } of rows) yield { table, chunk: Buffer.from(text) };
      },
    };
    const schema = newName("loaded");
    const [server] = await run("SELECT current_setting('server_version_num')::int / 10000 AS major");
    expect(await load(source, { schema })).toMatchObject({
      kind: "loaded",
      figures: { tables: 3, rows: 53, sequences: 2, definitionCompared: server?.rows[0].major === 15 },
    });
    const name = quoteIdentifier(schema);
    const [, inserted, looked] = await run(
      `SET search_path = ${name}; INSERT INTO customers (name, n) VALUES ('new', 4) RETURNING id, changed;
       SELECT (SELECT sum(orders)::int FROM busy) AS busy, (SELECT count(*)::int FROM days) AS days; RESET search_path`,
    );
    expect(inserted?.rows).toEqual([{ id: 4, changed: 3 }]);
    expect(looked?.rows).toEqual([{ busy: 30, days: 5 }]);
    expect((await take(schema)).figures.tables[1]).toEqual(figures.tables[1]);
  });
});
