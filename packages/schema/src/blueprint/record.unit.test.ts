import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { recordStatements } from "./record.ts";

describe("recording what a migration would execute", () => {
  it("keeps statements in order, with parameters written in as literals", async () => {
    const statements = await recordStatements(async (db) => {
      await db.schema.createTable("t").addColumn("a", "text").execute();
      await db
        .insertInto("t")
        .values([{ a: "it's" }, { a: "back\\slash" }, { a: null }])
        .execute();
      await sql`select set_config('x', ${"$1 '$2"}, true)`.execute(db);
    });
    expect(statements).toEqual([
      'create table "t" ("a" text)',
      `insert into "t" ("a") values ('it''s'), ( E'back\\\\slash'), (NULL)`,
      "select set_config('x', '$1 ''$2', true)",
    ]);
  });

  it("takes transactions inside as part of the one that the script runs in", async () => {
    const statements = await recordStatements((db) =>
      db.transaction().execute(async (transaction) => {
        await sql`create table u (id int)`.execute(transaction);
      }),
    );
    expect(statements).toEqual(["create table u (id int)"]);
  });

  const looks: [string, Parameters<typeof recordStatements>[0]][] = [
    ["reads rows", async (db) => void (await db.selectFrom("t").selectAll().execute()).length],
    ["reads the first row", async (db) => void (await db.selectFrom("t").selectAll().executeTakeFirst())],
    [
      "reads a raw query's rows",
      async (db) => void (await sql<{ n: number }>`select 1 as n`.execute(db)).rows[0]?.n,
    ],
    [
      "counts affected rows",
      async (db) => {
        const [result] = await db.updateTable("t").set({ a: 1 }).execute();
        if (result !== undefined && result.numUpdatedRows > 0n) await sql`select 1`.execute(db);
      },
    ],
    ["reads the catalog", async (db) => void (await db.introspection.getTables())],
    [
      "streams rows",
      async (db) => {
        for await (const _ of db.selectFrom("t").selectAll().stream()) break;
      },
    ],
    [
      "looks and swallows the refusal",
      async (db) => {
        await db
          .selectFrom("t")
          .selectAll()
          .executeTakeFirst()
          .catch(() => undefined);
      },
    ],
  ];
  it.each(looks)("refuses work that %s", async (_, work) => {
    await expect(recordStatements(work)).rejects.toThrow(/needs an answer from the database to go on/);
  });

  it("lets a statement pass whose answer nobody looks at", async () => {
    const statements = await recordStatements(async (db) => {
      await sql`select setval('t_id_seq', 100)`.execute(db);
      await db.deleteFrom("t").execute();
    });
    expect(statements).toHaveLength(2);
  });

  it("passes on an error of the migration's own", async () => {
    await expect(recordStatements(() => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
  });
});
