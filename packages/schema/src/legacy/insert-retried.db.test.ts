import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { untilBlocked } from "../../../../test/support/locks.ts";
import type { ImportTenantInput } from "./import-tenant.ts";
import { type InsertRetriedInput, insertRetried, retryStatus } from "./insert-retried.ts";
import { odd } from "./testing/odd-blueprint.ts";
import { importDatabase } from "./testing/odd-tenant.ts";
import type { ToldTable, Value } from "./testing/told-rows.ts";

const { url, adminUrl, pool, rows, load } = await importDatabase(odd);

const TABLES: readonly ToldTable[] = [
  { target: "teams", columns: ["id", "name"], rows: [] },
  { target: "people", columns: ["id", "name", "boss_id", "team_id"], rows: [] },
  {
    target: "rooms",
    columns: ["id", "label", "during", "price"],
    rows: [["1", "x", "[1,5)", "1.00"]],
    summed: ["price"],
  },
  { target: "notes", columns: ["id", "body", "room_id"], rows: [] },
  {
    target: "users",
    columns: ["username", "is_active"],
    rows: [
      ["a", "true"],
      ["b", "true"],
    ],
  },
];
const place = (target: string): number => TABLES.findIndex((table) => table.target === target);

async function retry(
  input: ImportTenantInput,
  told: readonly (readonly [id: string, table: string, ...values: Value[]])[],
  more: Partial<InsertRetriedInput> = {},
) {
  return insertRetried(pool, {
    tenantId: input.tenantId,
    schema: input.schema,
    blueprint: input.blueprint,
    plan: input.plan,
    rows: told.map(([id, table, ...values]) => ({ id, table: place(table), values })),
    ...more,
  });
}

async function application(name: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: name });
  await client.connect();
  return client;
}

describe("rows out of quarantine", () => {
  it("go in with their parents, whatever their order", async () => {
    const { input } = await load(TABLES);
    const outcome = await retry(input, [
      ["d", "notes", "5", "n", "2"],
      ["b", "people", "1", "child", "2", "1"],
      ["c", "people", "2", "boss", null, null],
      ["a", "teams", "1", "team"],
      ["e", "rooms", "2", "y", "[5,9)", "2.00"],
    ]);
    expect(outcome).toMatchObject({ kind: "done", refused: [] });
    expect(outcome.kind === "done" && [...outcome.inserted].sort()).toEqual(["a", "b", "c", "d", "e"]);
    expect(await rows(`INSERT INTO ${input.schema}.notes (body) VALUES ('next') RETURNING id`)).toEqual([
      { id: "6" },
    ]);
  });

  it("are refused one by one, each with its rule, and the others go in", async () => {
    const { input } = await load(TABLES);
    const outcome = await retry(input, [
      ["odd", "rooms", "2", "odd", null, null],
      ["over", "rooms", "3", "z", "[4,6)", null],
      ["long", "notes", "1", "longer than ten", null],
      ["orphan", "notes", "2", "n", "99"],
      ["same", "rooms", "1", "another", null, null],
      ["good", "rooms", "4", "w", null, "0.50"],
    ]);
    expect(outcome).toMatchObject({ kind: "done", inserted: ["good"] });
    expect(outcome.kind === "done" && outcome.refused).toEqual(
      expect.arrayContaining([
        { id: "odd", sqlState: "23514", constraint: "rooms_label_check" },
        { id: "over", sqlState: "23P01", constraint: "rooms_during_excl" },
        { id: "long", sqlState: "22001", constraint: null },
        { id: "orphan", sqlState: "23503", constraint: "notes_room_id_fkey" },
        { id: "same", sqlState: "23505", constraint: "rooms_pkey" },
      ]),
    );
    expect(await rows(`SELECT id FROM ${input.schema}.rooms ORDER BY id`)).toEqual([{ id: 1 }, { id: 4 }]);
  });

  it("count as inserted when an earlier attempt has brought them in", async () => {
    const { input } = await load(TABLES);
    const again = () => retry(input, [["a", "rooms", "2", "y", "[5,9)", "2.00"]]);
    expect(await again()).toMatchObject({ inserted: ["a"] });
    expect(await again()).toMatchObject({ inserted: ["a"], refused: [] });
    expect(await rows(`SELECT id FROM ${input.schema}.rooms ORDER BY id`)).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it("pass the license's limits, which hold again afterwards", async () => {
    const { input } = await load(TABLES);
    expect(await retry(input, [["c", "users", "c", "true"]])).toMatchObject({ inserted: ["c"] });
    const limits = await rows(`SELECT name, maximum FROM ${input.schema}.tenantry_limits`);
    expect(limits).toEqual([{ name: "users", maximum: 2 }]);
    await expect(
      rows(`INSERT INTO ${input.schema}.users (username, is_active) VALUES ('d', true)`),
    ).rejects.toMatchObject({ code: "TN101" });
  });

  it("open no gap for whoever adds a row, or changes the license, meanwhile", async () => {
    const { input } = await load(TABLES);
    const adding = await application("adding");
    const changing = await application("changing");
    try {
      let others: Promise<unknown[]> = Promise.resolve([]);
      await retry(input, [["c", "users", "c", "true"]], {
        beforeCommit: async () => {
          const added = adding
            .query(`INSERT INTO ${input.schema}.users (username, is_active) VALUES ('d', true)`)
            .then(
              () => "added",
              (error: { code?: string }) => error.code,
            );
          await untilBlocked(adminUrl, "adding");
          const changed = changing.query(`UPDATE ${input.schema}.tenantry_limits SET maximum = 3`);
          await untilBlocked(adminUrl, "changing");
          others = Promise.all([added, changed]);
        },
      });
      expect((await others)[0]).toBe("TN101");
      expect(await rows(`SELECT maximum FROM ${input.schema}.tenantry_limits`)).toEqual([{ maximum: 3 }]);
    } finally {
      await Promise.all([adding.end(), changing.end()]);
    }
  });

  it("are all out again when what comes before the commit fails, and its transaction says so", async () => {
    const { input } = await load(TABLES);
    let id = "";
    const attempt = retry(input, [["a", "teams", "1", "team"]], {
      beforeCommit: async (transactionId) => {
        id = transactionId;
        throw new Error("no control schema");
      },
    });
    await expect(attempt).rejects.toThrow("no control schema");
    expect(await rows(`SELECT id FROM ${input.schema}.teams`)).toEqual([]);
    await expect.poll(() => retryStatus(pool, id)).toBe("aborted");
  });

  it("go into no schema but their own tenant's", async () => {
    const { input } = await load(TABLES);
    const { input: other } = await load(TABLES);
    const told = [["a", "teams", "1", "team"]] as const;
    expect(await retry({ ...input, schema: other.schema }, told)).toEqual({ kind: "no-tenant" });
    expect(await retry({ ...input, schema: "nowhere" }, told)).toEqual({ kind: "no-tenant" });
    expect(await rows(`SELECT id FROM ${other.schema}.teams`)).toEqual([]);
  });
});
