import type { Client } from "pg";
import { describe, expect, it } from "vitest";
import { withAdmin } from "../../../../test/support/database.ts";
import { schemaSnapshot } from "../../../../test/support/schema-snapshot.ts";
import { provisionTenant } from "../tenant/provision.ts";
import type { ImportEvent } from "./import-plan.ts";
import type { ImportTenantInput } from "./import-tenant.ts";
import { odd } from "./testing/odd-blueprint.ts";
import { importDatabase } from "./testing/odd-tenant.ts";
import { type ToldTable, tell } from "./testing/told-rows.ts";
import { VerificationError } from "./verify-tables.ts";

const { url, adminUrl, pool, target, rows, left, load } = await importDatabase(odd);

const TEAMS: ToldTable = {
  target: "teams",
  columns: ["id", "name", "lead_id"],
  rows: [
    ["1", "one", "3"],
    ["2", "two", null],
  ],
};
/** Each refers to one that comes later, in another batch. */
const PEOPLE: ToldTable = {
  target: "people",
  columns: ["id", "name", "boss_id", "team_id"],
  rows: [
    ["1", "a", "5", "1"],
    ["2", "b", "5", "2"],
    ["3", "c", "4", null],
    ["4", "d", "5", null],
    ["5", "e", null, "2"],
  ],
};
const ROOMS: ToldTable = {
  target: "rooms",
  columns: ["id", "label", "during", "price"],
  summed: ["price"],
  rows: [
    ["1", "x", "[1,5)", "10.50"],
    ["2", "y\t\\N", "[5,9)", "0.25"],
    ["40", "غرفة", null, null],
  ],
};
const NOTES: ToldTable = {
  target: "notes",
  columns: ["id", "body", "room_id"],
  rows: [
    ["-4", "first", "40"],
    ["9", null, null],
  ],
};
const ALL = [TEAMS, PEOPLE, ROOMS, NOTES];

async function snapshot(schema: string): Promise<string[]> {
  const lines = await withAdmin(url, (client) => schemaSnapshot(client as Client, schema));
  return [...lines, ...(await rows(MODES(schema))).map((row) => JSON.stringify(row))];
}

const MODES = (schema: string): string => `
  SELECT tgrelid::regclass::text LIKE '%notes' AS notes, tgname, tgenabled FROM pg_trigger JOIN pg_class AS c ON c.oid = tgrelid
  WHERE relnamespace = '${schema}'::regnamespace AND NOT tgisinternal ORDER BY 1, 2`;

function withoutRole(lines: readonly string[], role: string): string[] {
  return lines.map((line) => line.replaceAll(role, "<role>"));
}

describe("an imported tenant", () => {
  it("is built as any other of its blueprint: constraints and when they're checked, triggers, rights", async () => {
    const fresh = { ...target(), onStep: () => undefined };
    await provisionTenant(pool, fresh);
    const { outcome, input } = await load(ALL);
    expect(outcome.kind).toBe("imported");
    expect(withoutRole(await snapshot(input.schema), input.role)).toEqual(
      withoutRole(await snapshot(fresh.schema), fresh.role),
    );
  });

  it("has the file's rows alone in the tables that the file has, and the seed's in the others", async () => {
    const { outcome, input } = await load([PEOPLE, TEAMS]);
    expect(outcome).toMatchObject({ kind: "imported", figures: { quarantined: 0, tries: 1 } });
    expect(await rows(`SELECT id, lead_id FROM ${input.schema}.teams ORDER BY id`)).toEqual([
      { id: 1, lead_id: 3 },
      { id: 2, lead_id: null },
    ]);
    expect(await rows(`SELECT id, boss_id FROM ${input.schema}.people ORDER BY id LIMIT 1`)).toEqual([
      { id: 1, boss_id: 5 },
    ]);
    expect(await rows(`SELECT label FROM ${input.schema}.rooms`)).toEqual([{ label: "seeded" }]);
  });

  it("keeps a seeded row that refers to one which the file brings anew", async () => {
    const rooms = { ...ROOMS, rows: [["1", "new", null, null]] };
    const { input } = await load([rooms]);
    expect(await rows(`SELECT body, room_id FROM ${input.schema}.notes`)).toEqual([
      { body: "seeded", room_id: 1 },
    ]);
    expect(await rows(`SELECT a, room_id FROM ${input.schema}.pairs`)).toEqual([{ a: 1, room_id: 1 }]);
  });

  it("is there without a single row to import", async () => {
    const { outcome, input } = await load([]);
    expect(outcome).toMatchObject({ kind: "imported", figures: { tables: [], quarantined: 0 } });
    expect(await rows(`SELECT id FROM ${input.schema}.teams`)).toEqual([{ id: 7 }]);
  });

  it("has no trigger fire for what isn't new, and all as before for what is", async () => {
    const { input } = await load(ALL);
    await rows(`INSERT INTO ${input.schema}.notes (body) VALUES ('new')`);
    // Of three triggers one is off.
    expect(await rows(`SELECT body, fired FROM ${input.schema}.notes ORDER BY id`)).toEqual([
      { body: "first", fired: 0 },
      { body: null, fired: 0 },
      { body: "new", fired: 2 },
    ]);
  });

  it("numbers new rows after the file's, whatever numbers those columns", async () => {
    const { input } = await load(ALL);
    const next = async (table: string, values: string): Promise<unknown> =>
      (await rows(`INSERT INTO ${input.schema}.${table} ${values} RETURNING id`))[0]?.id;
    expect(await next("notes", "(body) VALUES ('n')")).toBe("10");
    expect(await next("rooms", "(label) VALUES ('n')")).toBe(41);
    expect(await next("people", "(name) VALUES ('n')")).toBe(6);
  });

  it("numbers from the beginning after negative ids, and in the widest gap after the last number", async () => {
    const { input } = await load([
      { ...TEAMS, rows: [["-7", "below", null]] },
      {
        ...PEOPLE,
        rows: ["3", "4", "2147483000", "2147483647"].map((id) => [id, "p", null, null]),
      },
    ]);
    const [team] = await rows(`INSERT INTO ${input.schema}.teams (name) VALUES ('n') RETURNING id`);
    expect(team).toEqual({ id: expect.any(Number) });
    expect(Number(team?.id)).toBeGreaterThan(0);
    const insert = `INSERT INTO ${input.schema}.people (name) VALUES ('n') RETURNING id`;
    expect(await rows(insert)).toEqual([{ id: 5 }]);
  });

  it("numbers past the last number of eight bytes as well", async () => {
    const { input } = await load([{ ...NOTES, rows: [["9223372036854775807", "last", null]] }]);
    const insert = `INSERT INTO ${input.schema}.notes (body) VALUES ('n') RETURNING id`;
    expect(await rows(insert)).toEqual([{ id: "1" }]);
  });

  it("keeps the numbers of rows in quarantine free, but for one that no sequence gets past", async () => {
    const rooms = {
      ...ROOMS,
      rows: ["r", "r", "odd"].map((name, at) => [String(at), `${name}${at}`, null, null]),
    };
    const { input } = await load([rooms]);
    const insert = `INSERT INTO ${input.schema}.rooms (label) VALUES ('n') RETURNING id`;
    expect(await rows(insert)).toEqual([{ id: 4 }]);
    const last = { integer: "2147483647" };
    const far = tell([rooms], (event) =>
      event.kind === "quarantined" ? { ...event, row: { ...event.row, row: { id: last } } } : event,
    );
    const { input: other } = await load([rooms], { open: far });
    expect(await rows(insert.replace(input.schema, other.schema))).toEqual([{ id: 2 }]);
  });

  it("holds more than the license allows, and takes no further row", async () => {
    const users: ToldTable = {
      target: "users",
      columns: ["username", "is_active"],
      rows: ["a", "b", "c", "d"].map((name) => [name, "true"]),
    };
    const { outcome, input } = await load([users]);
    expect(outcome.kind).toBe("imported");
    await expect(
      rows(`INSERT INTO ${input.schema}.users (username, is_active) VALUES ('e', true)`),
    ).rejects.toMatchObject({ code: "TN101" });
  });

  it("keeps what the blueprint doesn't know, for its role to read: odd names, 200 columns, other files' rows", async () => {
    const columns = Array.from({ length: 200 }, (_, at) => (at === 0 ? `o'dd "عمود"` : `c${at}`));
    const extra: ToldTable = {
      target: `legacy_o"dd '7' جدول`,
      columns,
      extra: true,
      rows: [columns.map((_, at) => (at % 3 === 0 ? null : `v\n${at}`)), columns.map(() => "")],
    };
    const kept = Array.from({ length: 3000 }, (_, at) => ({ id: at, note: at === 7 ? "a\0b" : "it's" }));
    const { outcome, input } = await load([...ALL, extra], {
      kept: [{ table: "logins", columns: ["id", "note"], rows: kept }],
    });
    expect(outcome.kind).toBe("imported");
    const read = await withAdmin(adminUrl, async (client) => {
      await client.query(`SET ROLE "${input.role}"`);
      const logins = await client.query(
        `SELECT count(*)::int AS rows, max(note) FILTER (WHERE id = '7') AS note FROM ${input.schema}.legacy_logins`,
      );
      const odds = await client.query(
        `SELECT count(*)::int AS rows FROM ${input.schema}."legacy_o""dd '7' جدول" WHERE c1 = E'v\\n1'`,
      );
      return [logins.rows[0], odds.rows[0]];
    });
    expect(read).toEqual([{ rows: 3000, note: "\\x610062" }, { rows: 1 }]);
  });

  it("has what the mapping's own SQL makes of its rows, which may be more than the file has", async () => {
    const { outcome, input } = await load(ALL, {
      afterLoad: [`INSERT INTO people (name) VALUES ('added')`, "UPDATE rooms SET price = 0 -- all"],
    });
    expect(outcome.kind).toBe("imported");
    expect(await rows(`SELECT id FROM ${input.schema}.people WHERE name = 'added'`)).toEqual([{ id: 6 }]);
  });
});

describe("tables of many rows, whose keys are checked for all rows at once", () => {
  const many = (count: number, row: (id: number) => (string | null)[]): (string | null)[][] =>
    Array.from({ length: count }, (_, at) => row(at + 1));
  const ids = (id: number, count: number): string => String((id % count) + 1);
  const tables = (...odd: number[]): ToldTable[] => [
    { ...TEAMS, rows: many(1200, (id) => [String(id), "t", ids(id, 1500)]) },
    { ...PEOPLE, rows: many(1500, (id) => [String(id), "p", ids(id, 1500), ids(id, 1200)]) },
    {
      ...ROOMS,
      rows: many(1100, (id) => [String(id), odd.includes(id) ? `odd ${id}` : `r${id}`, null, null]),
    },
    { ...NOTES, rows: many(2000, (id) => [String(id), "n", ids(id, 1000)]) },
  ];

  it("are built as in any other tenant, also where they were seeded and refer in a circle", async () => {
    const fresh = { ...target(), onStep: () => undefined };
    await provisionTenant(pool, fresh);
    const told = tables(1050, 1070);
    const { outcome, quarantined, input } = await load(told, { open: tell(told, undefined, 250) });
    expect(outcome).toMatchObject({ kind: "imported", figures: { tries: 3 } });
    expect(quarantined.map(({ rowId }) => rowId)).toEqual(["1050", "1070"]);
    expect(withoutRole(await snapshot(input.schema), input.role)).toEqual(
      withoutRole(await snapshot(fresh.schema), fresh.role),
    );
  });

  it("leave nothing when a row refers to one that isn't there", async () => {
    const place = target();
    const told = tables(7);
    await expect(load(told, { ...place, open: tell(told, undefined, 250) })).rejects.toMatchObject({
      name: "ImportConstraintError",
      constraint: "notes_room_id_fkey",
    });
    expect(await left(place.schema, place.role)).toEqual([]);
  });
});

describe("rows that nobody foresaw to be refused", () => {
  it("are named, left out, and everything else is there", async () => {
    const rooms: ToldTable = {
      ...ROOMS,
      rows: [
        ["1", "x", "[1,5)", "1.00"],
        ["2", "over", "[4,6)", "2.00"],
        ["3", "odd", null, "3.00"],
        ["4", "y", "[5,7)", "4.00"],
        ["5", "dear", null, "123456789.00"],
      ],
    };
    const tables = [rooms];
    let named: string[][] = [];
    const { outcome, quarantined, input } = await load(tables, {
      open: (refused) => {
        named = refused.map(({ rowId, column, reason }) => [rowId, column, reason]);
        return tell(tables, undefined, 3)(refused);
      },
    });
    expect(quarantined.map(({ rowId }) => rowId)).toEqual(["2", "3", "5"]);
    expect(named.sort()).toEqual([
      [
        "2",
        "during",
        "It can't stand beside another row that was imported before it (rule rooms_during_excl).",
      ],
      ["3", "label", "It breaks a rule of its table (rule rooms_label_check)."],
      ["5", "price", "PostgreSQL doesn't take it (SQLSTATE 22003)."],
    ]);
    expect(outcome).toMatchObject({ kind: "imported", figures: { quarantined: 3, tries: 3 } });
    expect(await rows(`SELECT id FROM ${input.schema}.rooms ORDER BY id`)).toEqual([{ id: 1 }, { id: 4 }]);
  });

  it("are found in few tries, however many they are", async () => {
    const rooms: ToldTable = {
      ...ROOMS,
      rows: Array.from({ length: 90 }, (_, at) => [
        String(at + 1),
        at % 3 === 1 ? `odd ${at}` : `r${at}`,
        null,
        null,
      ]),
    };
    const tables = [rooms];
    const { outcome, quarantined } = await load(tables, { open: tell(tables, undefined, 7) });
    expect(outcome).toMatchObject({ kind: "imported", figures: { tries: 3 } });
    expect(quarantined.map(({ rowId }) => Number(rowId))).toEqual(
      Array.from({ length: 30 }, (_, at) => at * 3 + 2),
    );
  });

  it("are found also where PostgreSQL doesn't say which of many refers to nothing", async () => {
    const count = 25;
    const pairs: ToldTable = {
      target: "pairs",
      columns: ["a", "b", "grade", "room_id"],
      rows: Array.from({ length: count }, (_, at) => [String(at), "1", "1", at % 10 === 9 ? "77" : "40"]),
    };
    const tables = [ROOMS, pairs];
    const { outcome, quarantined, input } = await load(tables, { open: tell(tables, undefined, 11) });
    expect(outcome).toMatchObject({ kind: "imported", figures: { tries: 3, quarantined: 2 } });
    expect(quarantined.map(({ target, rowId }) => [target, rowId])).toEqual([
      ["pairs", "10"],
      ["pairs", "20"],
    ]);
    expect(await rows(`SELECT count(*)::integer FROM ${input.schema}.pairs`)).toEqual([{ count: count - 2 }]);
  });

  it("aren't what a callback throws that has an error of another database", async () => {
    const theirs = Object.assign(new Error("the quarantine is closed"), { code: "23503" });
    let opened = 0;
    const open = tell([ROOMS]);
    const more: Partial<ImportTenantInput> = {
      open: (refused) => {
        opened += 1;
        return open(refused);
      },
      beforeCommit: async () => {
        throw theirs;
      },
    };
    await expect(load([ROOMS], more)).rejects.toBe(theirs);
    expect(opened).toBe(1);
  });

  it("fail the import when they are too many", async () => {
    const rooms: ToldTable = {
      ...ROOMS,
      rows: Array.from({ length: 1100 }, (_, at) => [String(at + 1), `odd ${at}`, null, null]),
    };
    const place = target();
    await expect(load([rooms], place)).rejects.toMatchObject({ name: "ImportRefusedError" });
    expect(await left(place.schema, place.role)).toEqual([]);
  });
});

describe("all or nothing", () => {
  const fails = async (more: Partial<ImportTenantInput>): Promise<unknown> => {
    const place = target();
    const error = await load(ALL, { ...place, ...more }).then(
      ({ outcome }) => outcome,
      (reason: unknown) => reason,
    );
    expect(await left(place.schema, place.role)).toEqual([]);
    return error;
  };
  const last = (event: ImportEvent): boolean => event.kind === "table-end" && event.table === 3;

  it("when the reader fails, which is freed", async () => {
    let freed = false;
    const open: ImportTenantInput["open"] = async function* (refused) {
      try {
        yield* tell(ALL, (event) => {
          if (last(event)) throw new Error("the disk is gone");
          return event;
        })(refused);
      } finally {
        freed = true;
      }
    };
    expect(await fails({ open })).toMatchObject({ message: "the disk is gone" });
    expect(freed).toBe(true);
  });

  it("when what is told of progress or quarantine isn't heard, and the reader is freed", async () => {
    let freed = 0;
    const open: ImportTenantInput["open"] = async function* (refused) {
      try {
        yield* tell(ALL)(refused);
      } finally {
        freed++;
      }
    };
    const deaf = () => {
      throw new Error("deaf");
    };
    expect(await fails({ open, onProgress: deaf })).toMatchObject({ message: "deaf" });
    expect(freed).toBe(1);
  });

  it("when PostgreSQL's process dies in the middle of the rows, and the reader is freed", async () => {
    let freed = false;
    const open: ImportTenantInput["open"] = async function* (refused) {
      try {
        for await (const event of tell(ALL)(refused)) {
          if (event.table === 2 && event.kind === "rows") {
            await withAdmin(adminUrl, (client) =>
              client.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'import' AND state LIKE 'idle in%'",
              ),
            );
          }
          yield event;
        }
      } finally {
        freed = true;
      }
    };
    expect(await fails({ open })).toBeInstanceOf(Error);
    expect(freed).toBe(true);
  });

  it("when it may not proceed, or the last look says no", async () => {
    expect(await fails({ mayProceed: async () => false })).toEqual({ kind: "superseded" });
    expect(await fails({ beforeCommit: async () => "roll-back" })).toMatchObject({
      kind: "rolled-back",
      figures: { tries: 1 },
    });
    const lost = new Error("no control schema");
    expect(await fails({ beforeCommit: () => Promise.reject(lost) })).toBe(lost);
    expect(await fails({ afterLoad: ["SELECT 1/0"] })).toMatchObject({ code: "22012" });
  });

  it.each<[string, (event: ImportEvent) => ImportEvent | null]>([
    ["loses rows", (event) => (event.kind === "rows" && event.table === 3 ? null : event)],
    ["counts a row too few", figures((each) => ({ ...each, copied: each.copied - 1 }))],
    [
      "says that it has read none of the rows that it has told",
      figures((each) => ({ ...each, read: 0, copied: 0, checksum: "0", sums: {} })),
    ],
    ["has read more than it accounts for", figures((each) => ({ ...each, read: each.read + 1 }))],
    [
      "says that a row is in quarantine which it hasn't handed over",
      figures((each) => ({ ...each, read: each.read + 1, quarantined: each.quarantined + 1 })),
    ],
    ["has another checksum", figures((each) => ({ ...each, checksum: `${BigInt(each.checksum) + 1n}` }))],
    [
      "has another sum",
      figures((each) => ({
        ...each,
        sums: { ...each.sums, ...(each.sums.price ? { price: "10.76" } : {}) },
      })),
    ],
    [
      "changes a letter on the way",
      (event) =>
        event.kind === "rows" && event.table === 2
          ? { ...event, text: Buffer.from(event.text.toString().replace("غ", "ع")) }
          : event,
    ],
  ])("when the reader %s", async (_, twist) => {
    expect(await fails({ open: tell(ALL, twist) })).toBeInstanceOf(VerificationError);
  });

  it("when the reader ends before its last table", async () => {
    const error = await fails({ open: tell(ALL, (event) => (last(event) ? null : event)) });
    expect(error).toMatchObject({ message: expect.stringContaining("notes") });
  });
});

type Figures = Extract<ImportEvent, { kind: "table-end" }>["figures"];

function figures(change: (figures: Figures) => Figures): (event: ImportEvent) => ImportEvent {
  return (event) => (event.kind === "table-end" ? { ...event, figures: change(event.figures) } : event);
}

describe("imports one after the other", () => {
  it("take new connections: what PostgreSQL remembers of one would slow down the next", async () => {
    const afterLoad = ["INSERT INTO teams (name) VALUES (pg_backend_pid())"];
    const schemas = [await load([], { afterLoad }), await load([], { afterLoad })];
    const processes = await Promise.all(
      schemas.map(({ input }) => rows(`SELECT name FROM ${input.schema}.teams WHERE name <> 'seeded'`)),
    );
    expect(processes[0]).not.toEqual(processes[1]);
  });
});

describe("a name that is there already", () => {
  it("is this very tenant, from an earlier attempt: nothing is read again", async () => {
    const { input } = await load(ALL);
    const open = () => {
      throw new Error("read again");
    };
    const { outcome } = await load(ALL, { ...input, open });
    expect(outcome).toEqual({ kind: "already-there" });
  });

  it("is another's schema or role, which stays as it is", async () => {
    const { input } = await load(ALL);
    const before = await snapshot(input.schema);
    expect((await load(ALL, { schema: input.schema })).outcome).toEqual({
      kind: "name-taken",
      what: "schema",
    });
    expect(await snapshot(input.schema)).toEqual(before);
    const place = target();
    expect((await load(ALL, { ...place, role: input.role })).outcome).toEqual({
      kind: "name-taken",
      what: "role",
    });
    expect(await rows(`SELECT 1 FROM pg_namespace WHERE nspname = '${place.schema}'`)).toEqual([]);
  });
});
