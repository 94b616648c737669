import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  ANNA,
  type Client,
  createTestClients,
  NO_DURATION,
  OVERLAP,
  OWNER,
  PYOTR,
  SAME_START,
  type Slot,
} from "./testing/clients.ts";

const { newClient, run, book } = await createTestClients();

describe("a new client of the bot", () => {
  let client: Client;
  beforeAll(async () => {
    client = await newClient();
  });

  it("has the service, the ten settings and the owner", async () => {
    expect(await run(client, "select id, name, duration_minutes, price from services")).toEqual([
      { id: 1, name: "Консультация", duration_minutes: 60, price: "1000.00" },
    ]);
    expect(await run(client, "select key, value, type from settings order by key")).toEqual([
      { key: "calendar_max_months_ahead", value: "3", type: "integer" },
      { key: "cancellation_hours", value: "24", type: "integer" },
      { key: "feedback_hours_after", value: "2", type: "integer" },
      { key: "max_bookings_per_user", value: "3", type: "integer" },
      { key: "reminder_hours_before_1h", value: "1", type: "integer" },
      { key: "reminder_hours_before_24h", value: "24", type: "integer" },
      { key: "reminder_hours_before_2h", value: "2", type: "integer" },
      { key: "service_location", value: "", type: "text" },
      { key: "work_hours_end", value: "18", type: "integer" },
      { key: "work_hours_start", value: "9", type: "integer" },
    ]);
    expect(await run(client, "select from settings where description ~ '[а-я]{3}'")).toHaveLength(10);
    expect(await run(client, "select user_id, role, added_by from admins")).toEqual([
      { user_id: String(OWNER), role: "super_admin", added_by: null },
    ]);
  });

  it.each([
    ["bookings", "date", "date"],
    ["bookings", "time", "time without time zone"],
    ["bookings", "user_id", "bigint"],
    ["bookings", "created_at", "timestamp with time zone"],
    ["users", "user_id", "bigint"],
    ["services", "price", "numeric(12,2)"],
    ["analytics", "data", "jsonb"],
    ["audit_log", "details", "jsonb"],
    ["audit_log", "admin_id", "bigint"],
    ["booking_history", "changed_by", "bigint"],
    ["blocked_slots", "blocked_by", "bigint"],
    ["work_schedule", "shift1_start", "time without time zone"],
    ["blocked_date_ranges", "end_date", "date"],
    ["calendar_exceptions", "date", "date"],
    ["text_templates", "is_custom", "boolean"],
  ])("keeps %s.%s as %s", async (table, column, type) => {
    const [row] = await run(
      client,
      `select format_type(atttypid, atttypmod) as type from pg_attribute
       where attrelid = '${table}'::regclass and attname = '${column}'`,
    );
    expect(row?.type).toBe(type);
  });

  it("takes ids from identities alone, which the tenant's role may draw on", async () => {
    const sequences = await run(
      client,
      `select relname, (select deptype from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid
         and refclassid = 'pg_class'::regclass and deptype in ('a', 'i')) as kind
       from pg_class where relkind = 'S' and relnamespace = '${client.schema}'::regnamespace`,
    );
    expect(sequences.length).toBeGreaterThan(8);
    expect(sequences.filter(({ kind }) => kind !== "i")).toEqual([]);
  });

  it("refuses a setting whose value is not of its type", async () => {
    const set = (value: string, key: string) =>
      run(client, `update settings set value = '${value}' where key = '${key}'`);
    await expect(set("nine", "work_hours_start")).rejects.toMatchObject({ code: "23514" });
    await expect(set("9.5", "work_hours_start")).rejects.toMatchObject({ code: "23514" });
    await set("ул. Вымышленная, 7", "service_location");
  });

  it.each([
    "insert into blocked_date_ranges (start_date, end_date, blocked_by) values ('2026-02-02', '2026-02-01', 1)",
    "insert into blocked_date_ranges (start_date, end_date, start_time, blocked_by) values ('2026-02-01', '2026-02-02', '09:00', 1)",
    "insert into work_schedule (weekday, shift1_start, shift1_end) values (0, '18:00', '09:00')",
    "insert into work_schedule (weekday) values (7)",
    "insert into calendar_exceptions (date, is_working) values ('2026-05-09', true)",
    "insert into calendar_exceptions (date, start_time, end_time) values ('2026-05-09', '10:00', '12:00')",
    `insert into feedback (user_id, rating) values (${ANNA}, 6)`,
    "insert into admins (user_id, role) values (1, 'owner')",
  ])("refuses what contradicts itself: %s", async (statement) => {
    await expect(run(client, statement)).rejects.toMatchObject({ code: "23514" });
  });
});

describe("two bookings of one client", () => {
  let client: Client;
  beforeAll(async () => {
    client = await newClient();
  });
  beforeEach(async () => {
    await run(client, "delete from bookings");
  });

  it.each<[string, Slot, Slot]>([
    ["one ends when the other begins", { time: "10:00" }, { time: "11:00" }],
    ["one begins when the other ends", { time: "11:00" }, { time: "10:00" }],
    ["they are on two days", { time: "10:00" }, { date: "2026-03-03", time: "10:00" }],
    ["one ends at midnight sharp", { time: "23:00" }, { date: "2026-03-03", time: "00:00" }],
    ["one lasts a whole day", { time: "00:00", minutes: 1440 }, { date: "2026-03-03", time: "00:00" }],
  ])("both fit when %s", async (_, first, second) => {
    await book(client, first);
    await book(client, second);
  });

  it.each<[string, Slot, Slot, object]>([
    ["they begin together", { time: "10:00" }, { time: "10:00", minutes: 30 }, SAME_START],
    ["one begins within the other", { time: "10:00" }, { time: "10:59" }, OVERLAP],
    ["one begins within the other, told first", { time: "10:30" }, { time: "10:00" }, OVERLAP],
    ["one holds the other", { time: "10:00", minutes: 180 }, { time: "11:00", minutes: 30 }, OVERLAP],
    ["one goes on past midnight", { time: "23:30" }, { date: "2026-03-03", time: "00:15" }, OVERLAP],
    ["midnight is written in two ways", { time: "24:00" }, { date: "2026-03-03", time: "00:00" }, OVERLAP],
  ])("don't both fit when %s, whoever books", async (_, first, second, error) => {
    await book(client, first);
    await expect(book(client, { ...second, user: PYOTR })).rejects.toMatchObject(error);
  });

  it("may not meet by being moved or made longer either", async () => {
    const first = await book(client, { time: "10:00" });
    await book(client, { time: "12:00" });
    const change = (what: string) => run(client, `update bookings set ${what} where id = ${first}`);
    await expect(change("time = '11:30'")).rejects.toMatchObject(OVERLAP);
    await expect(change("duration_minutes = 121")).rejects.toMatchObject(OVERLAP);
    await change("time = '10:30'");
    await change("time = '10:00', duration_minutes = 120");
  });

  it.each([0, -60, 1441])("can't be %d minutes long", async (minutes) => {
    await expect(book(client, { time: "10:00", minutes })).rejects.toMatchObject(NO_DURATION);
  });

  it("can't be on no day in particular, which would overlap nothing", async () => {
    await expect(book(client, { date: "infinity", time: "10:00" })).rejects.toMatchObject({ code: "23514" });
  });

  it("are never both taken when many want overlapping slots at once", async () => {
    const wanted = ["10:00", "10:10", "10:20", "10:30", "10:40", "10:50"];
    const outcomes = await Promise.allSettled(wanted.map((time) => book(client, { time })));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const codes = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.code] : []));
    // Those that wait for each other are told apart by the deadlock detector.
    expect(codes.filter((code) => !["23P01", "23505", "40P01"].includes(code))).toEqual([]);
    expect(await run(client, "select from bookings")).toHaveLength(1);
  });

  it("meet in one client only: another has the same hour free", async () => {
    const other = await newClient();
    await book(client, { time: "10:00" });
    await book(other, { time: "10:00" });
    expect(await run(other, "select slot_overlaps('2026-03-02', '12:00') as taken")).toEqual([
      { taken: false },
    ]);
  });
});

describe("bookings that moved in from the old bot", () => {
  let client: Client;
  let ids: number[];
  beforeAll(async () => {
    client = await newClient();
  });
  /** 10:00 to 11:00, 10:30 to 11:30, and one an hour later, as the old bot let them be made. */
  beforeEach(async () => {
    await run(client, "delete from bookings");
    const rows = await run(
      client,
      `insert into bookings (date, time, user_id, imported) values
         ('2026-03-02', '10:00', ${ANNA}, true), ('2026-03-02', '10:30', ${PYOTR}, true),
         ('2026-03-02', '12:00', ${PYOTR}, true) returning id`,
    );
    ids = rows.map(({ id }) => id as number);
  });
  const change = (place: number, what: string) =>
    run(client, `update bookings set ${what} where id = ${ids[place]}`);

  it("may overlap each other, and nobody else may overlap them", async () => {
    await expect(book(client, { time: "09:30" })).rejects.toMatchObject(OVERLAP);
    await expect(book(client, { time: "11:15", minutes: 15 })).rejects.toMatchObject(OVERLAP);
    await expect(book(client, { time: "12:00" })).rejects.toMatchObject(SAME_START);
    await book(client, { time: "11:30", minutes: 30 });
  });

  it("can be changed in all but their time", async () => {
    await change(0, "username = 'anna', version = version + 1");
    await change(0, "date = date, time = '10:00', duration_minutes = 60");
    expect(await run(client, "select from bookings where imported")).toHaveLength(3);
  });

  it("are held like any other from the moment that they are moved", async () => {
    await expect(change(2, "time = '11:00'")).rejects.toMatchObject(OVERLAP);
    await expect(change(0, "duration_minutes = 75")).rejects.toMatchObject(OVERLAP);
    await change(2, "time = '11:30'");
    expect(await run(client, "select imported from bookings where time = '11:30'")).toEqual([
      { imported: false },
    ]);
    await expect(change(1, "time = '10:45'")).rejects.toMatchObject(OVERLAP);
    await change(1, "time = '12:30', duration_minutes = 30");
  });
});

describe("slot_overlaps", () => {
  let client: Client;
  beforeAll(async () => {
    client = await newClient();
  });
  const taken = async (args: string): Promise<unknown> =>
    (await run(client, `select slot_overlaps(${args}) as taken`))[0]?.taken;

  it("says what the constraint would say", async () => {
    // A fixed sequence of odd numbers instead of random ones: each run is the same.
    let seed = 7;
    const next = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % below;
    };
    let fitted = 0;
    for (let round = 1; round <= 60; round++) {
      const slot = {
        date: `2026-04-0${1 + next(3)}`,
        time: `${String(next(24)).padStart(2, "0")}:${String(5 * next(12)).padStart(2, "0")}`,
        minutes: 10 + 10 * next(20),
      };
      const overlaps = await taken(`'${slot.date}', '${slot.time}', ${slot.minutes}`);
      const booked = await book(client, slot).then(
        () => true,
        () => false,
      );
      expect({ slot, overlaps }).toEqual({ slot, overlaps: !booked });
      if (booked) fitted += 1;
    }
    expect(fitted).toBeGreaterThan(10);
    expect(fitted).toBeLessThan(50);
  });

  it("takes an hour for granted, and leaves the booking out that is to be moved", async () => {
    const id = await book(client, { date: "2026-05-01", time: "10:00" });
    expect(await taken("'2026-05-01', '09:30'")).toBe(true);
    expect(await taken("'2026-05-01', '09:00'")).toBe(false);
    expect(await taken(`'2026-05-01', '09:30', 60, ${id}`)).toBe(false);
  });

  it("knows nothing of what is no slot", async () => {
    expect(await taken("null, '10:00'")).toBeNull();
    expect(await taken("'2026-05-01', null")).toBeNull();
    expect(await taken("'2026-05-01', '10:00', null")).toBeNull();
    expect(await taken("'infinity', '10:00'")).toBeNull();
    await expect(taken("'2026-05-01', '10:00', 0")).rejects.toMatchObject(NO_DURATION);
    await expect(taken("'2026-05-01', '10:00', -30")).rejects.toMatchObject(NO_DURATION);
  });
});

describe("cleanup_bookings", () => {
  it("removes what is older than so many days, and tells how many and the oldest", async () => {
    const [client, other] = [await newClient(), await newClient()];
    for (const scope of [client, other]) {
      await book(scope, { date: "2026-01-01", time: "10:00" });
      await book(scope, { date: "2026-01-20", time: "10:00" });
      await book(scope, { date: "2026-01-21", time: "10:00", user: PYOTR });
    }
    const clean = (days: number) =>
      run(client, `select deleted, oldest::text from cleanup_bookings(${days}, '2026-01-31')`);
    expect(await clean(30)).toEqual([{ deleted: 0, oldest: null }]);
    expect(await clean(10)).toEqual([{ deleted: 2, oldest: "2026-01-01" }]);
    expect(await clean(10)).toEqual([{ deleted: 0, oldest: null }]);
    await expect(clean(-1)).rejects.toMatchObject({ code: "23514" });
    expect(await run(client, "select date::text from bookings")).toEqual([{ date: "2026-01-21" }]);
    expect(await run(other, "select from bookings")).toHaveLength(3);
    // What took place is not forgotten with the row.
    expect(
      await run(client, `select booking_count, total_bookings from user_statistics where user_id = ${ANNA}`),
    ).toEqual([{ booking_count: 0, total_bookings: 2 }]);
  });

  it("counts from today unless told otherwise", async () => {
    const client = await newClient();
    await run(
      client,
      `insert into bookings (date, time, user_id) values (current_date - 8, '10:00', ${ANNA}), (current_date - 7, '10:00', ${ANNA})`,
    );
    expect(await run(client, "select deleted from cleanup_bookings(7)")).toEqual([{ deleted: 1 }]);
  });
});
