import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { withAdmin } from "../../../../../test/support/database.ts";
import { ANNA, type Client, createTestClients, OVERLAP, PYOTR } from "./testing/clients.ts";

const { database, newClient, run, book } = await createTestClients();

describe("what is kept of a user", () => {
  let client: Client;
  beforeEach(async () => {
    client = await newClient();
  });
  const kept = async (user = ANNA) =>
    (
      await run(
        client,
        `select booking_count, username, last_activity, last_activity = (select max(created_at) from bookings) as fresh
         from users where user_id = ${user}`,
      )
    )[0];

  it("is the number of his bookings, however they come and go", async () => {
    expect(await kept()).toMatchObject({ booking_count: 0, username: null, last_activity: null });
    const id = await book(client, { time: "10:00" });
    await book(client, { time: "11:00" });
    expect(await kept()).toMatchObject({ booking_count: 2, username: "anna", fresh: true });
    await run(client, `update bookings set user_id = ${PYOTR} where id = ${id}`);
    expect([await kept(), await kept(PYOTR)]).toMatchObject([{ booking_count: 1 }, { booking_count: 1 }]);
    await run(client, "update bookings set user_id = user_id, time = time + interval '1 hour'");
    expect([await kept(), await kept(PYOTR)]).toMatchObject([{ booking_count: 1 }, { booking_count: 1 }]);
    await run(client, "delete from bookings");
    expect([await kept(), await kept(PYOTR)]).toMatchObject([{ booking_count: 0 }, { booking_count: 0 }]);
  });

  it("stays right when his bookings come at once, and when they are all taken away", async () => {
    const hours = ["09:00", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00", "16:00"];
    await Promise.all(hours.map((time) => book(client, { time })));
    expect(await kept()).toMatchObject({ booking_count: 8 });
    await withAdmin(database.url, (owner) => owner.query(`truncate ${client.schema}.bookings`));
    expect(await kept()).toMatchObject({ booking_count: 0 });
  });

  it("is not changed by a booking that fails", async () => {
    await book(client, { time: "10:00" });
    await expect(book(client, { time: "10:30" })).rejects.toMatchObject(OVERLAP);
    expect(await kept()).toMatchObject({ booking_count: 1 });
  });

  it("is the last thing that he did, not what the bot sent him, and never goes back", async () => {
    const activity = async () =>
      (await run(client, `select last_activity::text as at from users where user_id = ${ANNA}`))[0]?.at;
    const note = (event: string, at: string) =>
      run(client, `insert into analytics (user_id, event, timestamp) values (${ANNA}, '${event}', '${at}')`);
    await note("booking_started", "2026-01-02 10:00+00");
    expect(await activity()).toMatch(/^2026-01-02 10:00/);
    await note("booking_cancelled", "2026-01-01 10:00+00");
    await note("reminder_sent", "2026-01-03 10:00+00");
    await note("feedback_request_sent", "2026-01-03 10:00+00");
    expect(await activity()).toMatch(/^2026-01-02 10:00/);
    await run(
      client,
      `insert into feedback (user_id, booking_id, rating, timestamp) values (${ANNA}, 12345, 5, '2026-01-04 10:00+00')`,
    );
    expect(await activity()).toMatch(/^2026-01-04 10:00/);
  });

  it("doesn't keep the bot from noting what somebody did whom it doesn't know yet", async () => {
    await run(client, "insert into analytics (user_id, event) values (1, 'booking_started')");
    await expect(
      run(client, "insert into bookings (date, time, user_id) values ('2026-03-02', '10:00', 1)"),
    ).rejects.toMatchObject({ code: "23503" });
  });

  it("and when a setting was changed", async () => {
    await run(client, "update settings set updated_at = '2020-01-01'");
    await run(client, "update settings set value = '10' where key = 'work_hours_start'");
    expect(
      await run(
        client,
        "select updated_at > now() - interval '1 minute' as fresh from settings where value = '10'",
      ),
    ).toEqual([{ fresh: true }]);
  });
});

describe("the views", () => {
  let client: Client;
  beforeAll(async () => {
    client = await newClient();
    await book(client, { date: "2026-03-01", time: "10:00", minutes: 30 });
    await book(client, { date: "2026-03-02", time: "23:30", minutes: 60 });
    await book(client, { date: "2026-03-03", time: "10:00", minutes: 90, user: PYOTR });
    await run(
      client,
      `insert into analytics (user_id, event) values (${ANNA}, 'booking_cancelled'), (${ANNA}, 'booking_rescheduled'),
        (${ANNA}, 'booking_created'), (${PYOTR}, 'reminder_sent')`,
    );
    await run(
      client,
      `insert into feedback (user_id, rating) values (${ANNA}, 5), (${ANNA}, 4), (${ANNA}, 4)`,
    );
  });

  it("tell each user's statistics, also of one who never booked", async () => {
    await run(client, "insert into users (user_id) values (7)");
    const rows = await run(
      client,
      `select user_id, booking_count, minutes_booked, first_booking::text, last_booking::text, cancellations,
         reschedules, feedback_count, average_rating from user_statistics order by booking_count desc`,
    );
    expect(rows).toEqual([
      {
        user_id: ANNA,
        booking_count: 2,
        minutes_booked: 90,
        first_booking: "2026-03-01 10:00:00",
        last_booking: "2026-03-02 23:30:00",
        cancellations: 1,
        reschedules: 1,
        feedback_count: 3,
        average_rating: "4.33",
      },
      expect.objectContaining({ user_id: PYOTR, booking_count: 1, minutes_booked: 90, average_rating: null }),
      expect.objectContaining({ user_id: "7", booking_count: 0, minutes_booked: 0, first_booking: null }),
    ]);
  });

  it("tell each day's load, and split what goes over midnight", async () => {
    const rows = await run(
      client,
      `select date::text, bookings, clients, minutes_booked, busy_from::time::text, busy_until::text
       from daily_load order by date`,
    );
    const day = (date: string, bookings: number, clients: number, minutes_booked: number) =>
      expect.objectContaining({ date, bookings, clients, minutes_booked });
    expect(rows).toEqual([
      day("2026-03-01", 1, 1, 30),
      day("2026-03-02", 1, 1, 30),
      day("2026-03-03", 1, 2, 120),
    ]);
    expect(rows[2]).toMatchObject({ busy_from: "00:00:00", busy_until: "2026-03-03 11:30:00" });
  });

  it("tell the best clients, without those who never came", async () => {
    expect(
      await run(client, "select rank, user_id, username, total_bookings from best_clients order by rank"),
    ).toEqual([
      { rank: 1, user_id: ANNA, username: "anna", total_bookings: 2 },
      { rank: 2, user_id: PYOTR, username: "anna", total_bookings: 1 },
    ]);
  });

  it("show nothing that their reader may not read in the tables", async () => {
    const bare = await newClient();
    await withAdmin(database.url, (owner) =>
      owner.query(`revoke select on ${bare.schema}.bookings from ${bare.role}`),
    );
    for (const view of ["user_statistics", "daily_load", "best_clients"]) {
      await expect(run(bare, `select * from ${view}`)).rejects.toMatchObject({ code: "42501" });
    }
  });
});
