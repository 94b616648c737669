import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { pipeline } from "node:stream/promises";
import type { ValueRule } from "@tenantry/schema/legacy";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { afterAll, describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { type ImportedTable, INT4, INT8, MONEY, runImport, TEXT, tablePlan, UTC } from "./testing/plans.ts";
import { type Random, seeded } from "./testing/random.ts";

const { url } = await createTestDatabase();
const client = new pg.Client({ connectionString: url });
await client.connect();
await client.query("SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET bytea_output = hex");
afterAll(() => client.end());

/** The checksum as CHECKSUM_SEPARATOR tells, in SQL. */
const CHECKSUM = `sum(('x' || left(encode(sha256(convert_to(
  id::text || U&'\\001F' || coalesce(v::text, U&'\\001E'), 'UTF8')), 'hex'), 16))::bit(64)::bigint)::text`;

/**
 * Brings values through a file of SQLite's, through the stream and by COPY into a column of PostgreSQL's, and demands that
 * PostgreSQL prints what the stream wrote, and that checksum and sum are PostgreSQL's own.
 */
async function passThrough(
  values: readonly SQLInputValue[],
  rule: ValueRule,
  type: string,
): Promise<{ imported: ImportedTable; kept: { raw: SQLInputValue; text: string | null }[] }> {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
  const insert = db.prepare("INSERT INTO t VALUES (?, ?)");
  db.exec("BEGIN");
  for (const [index, value] of values.entries()) insert.run(index, value);
  db.exec("COMMIT");
  const summed = rule.kind === "decimal" || rule.kind === "integer";
  const [imported] = runImport(db, [tablePlan("t", { id: INT4, v: { value: rule, summed } })]);
  db.close();
  if (imported === undefined) throw new Error("one table");
  await client.query(`DROP TABLE IF EXISTS t; CREATE TEMP TABLE t (id integer, v ${type})`);
  const copy = client.query(copyFrom("COPY t FROM STDIN (FORMAT text, ENCODING 'UTF8')"));
  await pipeline([imported.text], copy);
  const stored = await client.query<{ id: number; v: string | null }>(
    "SELECT id, v::text AS v FROM t ORDER BY id",
  );
  expect(stored.rows.map(({ id, v }) => [`${id}`, v])).toEqual(imported.rows);
  const figures = await client.query<{ count: string; checksum: string; sum: string }>(
    `SELECT count(*)::text AS count, ${CHECKSUM} AS checksum${summed ? ", sum(v)::text AS sum" : ""} FROM t`,
  );
  expect(figures.rows[0]?.count).toBe(`${imported.figures.copied}`);
  expect(figures.rows[0]?.checksum).toBe(imported.figures.checksum);
  if (summed) expect(figures.rows[0]?.sum).toBe(imported.figures.sums.v);
  return { imported, kept: stored.rows.map(({ id, v }) => ({ raw: values[id] as SQLInputValue, text: v })) };
}

/** What PostgreSQL makes of the same texts by itself. */
async function ask(expression: string, texts: readonly string[]): Promise<(string | null)[]> {
  const { rows } = await client.query<{ v: string | null }>(
    `SELECT (${expression})::text AS v FROM unnest($1::text[]) WITH ORDINALITY AS given(raw, place) ORDER BY place`,
    [texts],
  );
  return rows.map(({ v }) => v);
}

function many<T>(seed: number, count: number, make: (random: Random) => T): T[] {
  const random = seeded(seed);
  return Array.from({ length: count }, () => make(random));
}

const pad = (value: number, length: number): string => String(value).padStart(length, "0");
const CHARACTERS = [
  ..."aZ09 _'\"\\\t\n\r\b\v\f\u0001\u001e\u001f\u007f\u0085\u2028\u200fـمرحباЖ€字😀👨‍👩‍👧\ufeff\ufffd",
];

describe("what the stream writes is what PostgreSQL prints", () => {
  it("for text of any characters", async () => {
    const values = many(1, 4000, (random) =>
      Array.from({ length: random.int(0, 12) }, () => random.pick(CHARACTERS)).join(""),
    );
    const { kept } = await passThrough(
      [...values, "\\N", "\\.", "\\", "", "\\\\N", "a\\\nb", 12n, -1.5, 1e20, 0.1 + 0.2],
      TEXT,
      "text",
    );
    expect(kept.slice(0, values.length).map(({ text }) => text)).toEqual(values);
    expect(kept.slice(values.length).map(({ text }) => text)).toEqual([
      "\\N",
      "\\.",
      "\\",
      "",
      "\\\\N",
      "a\\\nb",
      "12",
      "-1.5",
      "1.0e+20",
      "0.30000000000000004",
    ]);
  });

  it("for text as long as its column and a character longer", async () => {
    const values = many(2, 2000, (random) => "😀".repeat(random.int(0, 4)) + "م".repeat(random.int(0, 4)));
    const { imported, kept } = await passThrough(values, { kind: "text", max: 5 }, "varchar(5)");
    expect(kept.map(({ raw }) => raw)).toEqual(values.filter((value) => [...value].length <= 5));
    expect(new Set(imported.quarantined.map(({ code }) => code))).toEqual(new Set(["too-long"]));
  });

  it("for integers to the limits of int8, however they were stored", async () => {
    const edges = [
      "-9223372036854775808",
      "9223372036854775807",
      "9007199254740993",
      "-9007199254740993",
      "0",
    ];
    const integers = edges.map(BigInt);
    const texts = many(3, 2000, (random) => `${random.pick(["", "-", "+", " "])}${random.int(0, 2 ** 40)}`);
    const reals = many(4, 500, (random) => random.int(-(2 ** 40), 2 ** 40) * 2 ** random.int(0, 20) + 0.0);
    const { kept } = await passThrough(
      [...integers, ...edges, ...texts, ...reals, -0, "007", "12.000", "1e3"],
      INT8,
      "bigint",
    );
    expect(kept.slice(0, 10).map(({ text }) => text)).toEqual([...edges, ...edges]);
    expect(kept.slice(10, 2010).map(({ text }) => text)).toEqual(await ask("raw::bigint", texts));
    expect(kept.slice(-4).map(({ text }) => text)).toEqual(["0", "7", "12", "1000"]);
  });

  it("for doubles of every size, without losing more than their noise", async () => {
    const values = many(5, 20_000, randomDouble);
    const { imported, kept } = await passThrough(values, MONEY, "numeric(28,12)");
    for (const { raw, text } of kept) {
      const loss = Math.abs(Number(text) - Number(raw));
      if (loss > Math.max(1e-9, Math.abs(Number(raw)) * 2 ** -50)) throw new Error(`${raw} became ${text}`);
    }
    expect(kept.length).toBeGreaterThan(15_000);
    const codes = new Set(imported.quarantined.map(({ code }) => code));
    expect(codes).toEqual(new Set(["out-of-range", "not-exact"]));
  });

  it("for numbers in text, to the digit", async () => {
    const values = many(6, 4000, (random) => {
      const digits = Array.from({ length: random.int(1, 16) }, () => random.int(0, 9)).join("");
      const decimals = Array.from({ length: random.int(0, 12) }, () => random.int(0, 9)).join("");
      return `${random.pick(["", "-", "+"])}${digits}.${decimals}${random.pick(["", "", "e0", "E-0", "e+00"])}`;
    });
    const { kept } = await passThrough(values, MONEY, "numeric(28,12)");
    expect(kept.map(({ text }) => text)).toEqual(await ask("raw::numeric(28,12)", values));
  });

  it("for booleans in every form that is safe", async () => {
    const words = ["t", "F", "true", "FALSE", "yes", "No", "y", "n", "on", "off", "1", "0", " true "];
    const { kept } = await passThrough([1n, 0n, 1.0, 0.0, ...words], { kind: "boolean" }, "boolean");
    expect(kept.slice(4).map(({ text }) => text)).toEqual(await ask("raw::boolean", words));
  });

  it("for every day of the calendar, and no other", async () => {
    const days = many(
      7,
      5000,
      (random) => `${pad(random.int(0, 9999), 4)}-${pad(random.int(1, 12), 2)}-${pad(random.int(1, 31), 2)}`,
    );
    const { imported, kept } = await passThrough(days, { kind: "date" }, "date");
    expect(kept.every(({ raw, text }) => raw === text)).toBe(true);
    const refused = imported.quarantined.map(({ row }) => String(row.v));
    // PostgreSQL's own `pg_input_is_valid` came with 16.
    const lastOfMonth =
      "extract(day from make_date(substr(raw, 1, 4)::int, substr(raw, 6, 2)::int, 1) + interval '1 month - 1 day')";
    const isDay = `case when raw < '0001' then false else substr(raw, 9)::int <= ${lastOfMonth} end`;
    expect(refused.length).toBeGreaterThan(0);
    expect(await ask(isDay, refused)).toEqual(refused.map(() => "false"));
    expect(
      await ask(
        isDay,
        kept.map(({ raw }) => String(raw)),
      ),
    ).toEqual(kept.map(() => "true"));
  });

  it("for times of day", async () => {
    const times = many(8, 3000, (random) => {
      const seconds = random.pick(["", `:${pad(random.int(0, 59), 2)}`]);
      const fraction =
        seconds === "" ? "" : random.pick(["", `.${pad(random.int(0, 999_999), 6)}`, ".5", ".120"]);
      return `${random.pick([`${random.int(0, 9)}`, pad(random.int(0, 23), 2)])}:${pad(random.int(0, 59), 2)}${seconds}${fraction}`;
    });
    const { kept } = await passThrough(times, { kind: "time" }, "time");
    expect(kept.map(({ text }) => text)).toEqual(await ask("raw::time", times));
  });

  it("for UUIDs", async () => {
    const hex = (random: Random, length: number): string =>
      Array.from({ length }, () => random.pick([..."0123456789abcdefABCDEF"])).join("");
    const values = many(9, 1000, (random) => {
      const groups = [8, 4, 4, 4, 12].map((length) => hex(random, length));
      return random.pick([groups.join("-"), groups.join(""), `{${groups.join("-")}}`]);
    });
    const { kept } = await passThrough(values, { kind: "uuid" }, "uuid");
    expect(kept.map(({ text }) => text)).toEqual(await ask("raw::uuid", values));
  });

  it("for JSON documents in PostgreSQL's own form", async () => {
    const documents = many(10, 3000, (random) => randomJson(random, 4));
    const { imported, kept } = await passThrough(documents, { kind: "json", asString: false }, "jsonb");
    expect(imported.quarantined).toEqual([]);
    expect(kept.map(({ text }) => text)).toEqual(await ask("raw::jsonb", documents));
    const texts = many(11, 2000, (random) =>
      Array.from({ length: random.int(0, 9) }, () => random.pick(CHARACTERS)).join(""),
    );
    const strings = await passThrough(texts, { kind: "json", asString: true }, "jsonb");
    expect(strings.kept.map(({ text }) => text)).toEqual(await ask("to_jsonb(raw)", texts));
  });

  it("for blobs, and for anything at all", async () => {
    const blobs = many(12, 500, (random) =>
      Uint8Array.from({ length: random.int(0, 20) }, () => random.int(0, 255)),
    );
    await passThrough(blobs, { kind: "bytes" }, "bytea");
    const mixed = [...blobs, 1n, 2.5, -(2n ** 63n), "\\x00", "", "مرحبا\t\\"];
    await passThrough(mixed, { kind: "anything" }, "text");
  });
});

describe("times become UTC as PostgreSQL's own zones make them", () => {
  const local = (random: Random, year: () => number): string => {
    const date = `${pad(year(), 4)}-${pad(random.int(1, 12), 2)}-${pad(random.int(1, 28), 2)}`;
    const clock = `${pad(random.int(0, 23), 2)}:${pad(random.int(0, 59), 2)}:${pad(random.int(0, 59), 2)}`;
    return `${date}${random.pick([" ", "T"])}${clock}${random.pick(["", `.${pad(random.int(0, 999_999), 6)}`, ".100000"])}`;
  };

  it("with an offset, with Z and without either in UTC, in all years", async () => {
    const times = many(
      20,
      5000,
      (random) =>
        local(random, () => random.int(2, 9998)) +
        random.pick(["", "Z", "+03:00", "-11:30", "+0530", "+14", "-00:00"]),
    );
    const { kept } = await passThrough(times, UTC, "timestamptz");
    expect(kept.map(({ text }) => text)).toEqual(await ask("raw::timestamptz", times));
  });

  it.each(["Europe/Moscow", "Asia/Riyadh", "Africa/Cairo", "America/New_York", "Australia/Lord_Howe", "UTC"])(
    "in %s, where no clock is changed that night",
    async (zone) => {
      const times = many(21, 2000, (random) => local(random, () => random.int(1900, 2036)));
      const { kept } = await passThrough(times, { kind: "timestamp", zone }, "timestamptz");
      const asked = await ask(
        // Where clocks change PostgreSQL reads twice-told times otherwise; those have cases of their own.
        `CASE WHEN (raw::timestamp - interval '1 day') AT TIME ZONE '${zone}' + interval '2 days'
                 = (raw::timestamp + interval '1 day') AT TIME ZONE '${zone}'
              THEN raw::timestamp AT TIME ZONE '${zone}' END`,
        times,
      );
      const told = kept.map(({ text }, index) => (asked[index] === null ? null : text));
      expect(told).toEqual(asked);
      expect(asked.filter((text) => text !== null).length).toBeGreaterThan(1900);
    },
  );
});

function randomDouble(random: Random): number {
  const cents = random.int(-10_000_000, 10_000_000) / 100;
  switch (random.int(0, 9)) {
    case 0:
      return cents;
    case 1:
      return cents * 0.15;
    case 2:
      return cents + cents * 0.15 - cents / 7;
    case 3:
      return random.int(1, 1000) / random.int(1, 1000);
    case 4:
      return (random.next() - 0.5) * 10 ** random.int(-20, 20);
    case 5:
      return random.int(-(2 ** 31), 2 ** 31);
    case 6:
      return 0.1 * random.int(1, 100) - 0.1 * random.int(1, 100);
    case 7:
      return random.int(1, 2 ** 30) * 2 ** random.int(-60, 40);
    case 8:
      return random.int(1, 999_999) / 10 ** random.int(1, 14);
    default:
      return Number(`${random.int(1, 99)}e${random.int(-14, 17)}`);
  }
}

function randomJson(random: Random, depth: number): string {
  const blank = (): string => random.pick(["", "", " ", "\n\t "]);
  const string = (): string =>
    JSON.stringify(
      Array.from({ length: random.int(0, 5) }, () => random.pick(CHARACTERS.filter((c) => c !== "\0"))).join(
        "",
      ),
    ).replaceAll(/م/g, "\\u0645");
  const items = (make: () => string): string => Array.from({ length: random.int(0, 5) }, make).join(",");
  switch (random.int(0, depth > 0 ? 7 : 4)) {
    case 0:
      return string();
    case 1:
      return random.pick(["true", "false", "null"]);
    case 2:
      return `${random.int(-1000, 1000)}`;
    case 3:
      return `${random.pick(["", "-"])}${random.int(0, 99)}.${pad(random.int(0, 999), 3)}`;
    case 4:
      return `${random.pick(["", "-"])}${random.int(0, 9)}${random.pick(["", ".50"])}${random.pick(["e", "E"])}${random.pick(["", "+", "-"])}${random.int(0, 12)}`;
    case 5:
      return `${blank()}[${blank()}${items(() => blank() + randomJson(random, depth - 1))}]`;
    default:
      return `${blank()}{${blank()}${items(() => `${blank()}${string()}${blank()}:${randomJson(random, depth - 1)}`)}}${blank()}`;
  }
}
