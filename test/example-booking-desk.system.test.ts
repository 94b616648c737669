import { booking } from "@tenantry/schema/blueprints/booking";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BotClient, findClients, inClient } from "../examples/booking/clients.ts";
import { bookVisit, cancelVisit, type Outcome, rescheduleVisit, slotsOf } from "../examples/booking/desk.ts";
import { addAdmin, listAdmins, removeAdmin, roleOf } from "../examples/booking/repositories/admins.ts";
import { countEvents, dailyLoad } from "../examples/booking/repositories/analytics.ts";
import { latestActions, noteAction } from "../examples/booking/repositories/audit.ts";
import { bookingsOfDay, cleanUpBookings } from "../examples/booking/repositories/bookings.ts";
import { blockSlot, setException, unblockSlot } from "../examples/booking/repositories/calendar.ts";
import { listServices, saveService } from "../examples/booking/repositories/services.ts";
import { changeSetting, readSettings } from "../examples/booking/repositories/settings.ts";
import {
  bestClients,
  giveFeedback,
  meetUser,
  userStatistics,
} from "../examples/booking/repositories/users.ts";
import { buildService } from "../examples/booking/service.ts";
import type { BookingTables } from "../examples/booking/tables.ts";
import { createTestDatabase } from "./support/database.ts";
import { ended, orderLicense } from "./support/requests.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const OWNER = "9700000001";
const ANNA = "9110016081";
/** A Wednesday, far enough ahead for everything. */
const DATE = "2198-11-07";
const PAST = "2020-01-01";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [booking] });
const { ctx } = installation;

async function newClient(): Promise<BotClient> {
  const { tenant, operation } = await orderLicense(installation, {
    blueprint: "booking",
    parameters: { adminTelegramId: Number(OWNER) },
    adminUsername: undefined,
    adminPassword: undefined,
  });
  await ended(installation, operation.id);
  const client = (await findClients(ctx, [tenant.schema])).get(tenant.schema);
  if (client === undefined) throw new Error("unreachable: it was found");
  return client;
}

const visit = (time: string, userId = ANNA, date = DATE) => ({
  userId,
  username: null,
  serviceId: 1,
  date,
  time,
});
const kinds = (outcomes: Outcome[]) =>
  outcomes.map((each) => (each.kind === "refused" ? each.why : each.kind));

describe("the booking example's desk", () => {
  let client: BotClient;
  const run = <T>(work: Parameters<typeof inClient<T>>[2]): Promise<T> => inClient(ctx, client, work);
  const slots = (serviceId = 1) => slotsOf(ctx, client, { date: DATE, serviceId });

  beforeAll(async () => {
    await installation.work();
  });
  beforeEach(async () => {
    client = await newClient();
  });

  it("offers what the settings say, less what is booked and blocked", async () => {
    expect(await slots()).toEqual([
      "09:00",
      "10:00",
      "11:00",
      "12:00",
      "13:00",
      "14:00",
      "15:00",
      "16:00",
      "17:00",
    ]);
    expect(await run((db) => changeSetting(db, "work_hours_end", 12))).toBe("18");
    await bookVisit(ctx, client, visit("10:00"));
    expect(await slots()).toEqual(["09:00", "11:00"]);
    await run((db) => blockSlot(db, { date: DATE, time: "11:00", reason: "Обед", by: OWNER }));
    expect(await slots()).toEqual(["09:00"]);
    expect(kinds([await bookVisit(ctx, client, visit("11:00"))])).toEqual(["closed then"]);
    await run((db) => unblockSlot(db, { date: DATE, time: "11:00" }));
    expect(await slots()).toEqual(["09:00", "11:00"]);
    expect(await slots(99)).toBeUndefined();
  });

  it("follows the week, then the day's exception, and leaves blocked days out", async () => {
    const week: BookingTables["work_schedule"] = {
      weekday: 2,
      is_working: true,
      shift1_start: "09:00",
      shift1_end: "11:00",
      shift2_start: "12:00",
      shift2_end: "14:00",
    };
    await run((db) => db.insertInto("work_schedule").values(week).execute());
    expect(await slots()).toEqual(["09:00", "10:00", "12:00", "13:00"]);
    // Open at both of its ends, but not in between.
    const long = await run((db) => saveService(db, { name: "Обучение", duration_minutes: 240, price: null }));
    expect(await slots(long)).toEqual([]);
    expect(kinds([await bookVisit(ctx, client, { ...visit("10:00"), serviceId: long })])).toEqual([
      "closed then",
    ]);
    await run((db) =>
      setException(db, { date: DATE, hours: { from: "20:00", until: "24:00" }, reason: null }),
    );
    expect(await slots()).toEqual(["20:00", "21:00", "22:00", "23:00"]);
    expect(await slots(long)).toEqual(["20:00"]);
    await run((db) =>
      db
        .insertInto("blocked_date_ranges")
        .values({
          start_date: DATE,
          end_date: DATE,
          start_time: "21:30",
          end_time: "22:00",
          reason: null,
          blocked_by: OWNER,
        })
        .execute(),
    );
    expect(await slots()).toEqual(["20:00", "22:00", "23:00"]);
    await run((db) => setException(db, { date: DATE, hours: null, reason: "Праздник" }));
    expect(await slots()).toEqual([]);
  });

  it("gives an hour to one of ten who want it at once, overlapping ones too", async () => {
    const wanted = ["10:00", "10:15", "10:30", "10:45", "10:00", "10:15", "10:30", "10:45", "10:00", "10:30"];
    const outcomes = await Promise.all(
      wanted.map((time, index) => bookVisit(ctx, client, visit(time, String(5_000_000_000 + index)))),
    );
    expect(kinds(outcomes).sort()).toEqual(["done", ...wanted.slice(1).map(() => "slot taken")]);
  });

  it("gives nobody more than his share, however fast he asks", async () => {
    const hours = ["09:00", "10:00", "11:00", "12:00", "13:00", "14:00"];
    const outcomes = await Promise.all(hours.map((time) => bookVisit(ctx, client, visit(time))));
    expect(kinds(outcomes).sort()).toEqual(["done", "done", "done", "limit", "limit", "limit"]);
  });

  it("moves and cancels a booking for whose it is, unless somebody was faster or it is too late", async () => {
    const outcome = await bookVisit(ctx, client, visit("10:00"));
    if (outcome.kind !== "done") throw new Error("not booked");
    const { id, version } = outcome.booking;
    const move = { id, version, userId: ANNA, date: DATE, time: "11:00" };
    const moved = await Promise.all(
      [move, { ...move, time: "12:00" }].map((each) => rescheduleVisit(ctx, client, each)),
    );
    expect(kinds(moved).sort()).toEqual(["changed meanwhile", "done"]);
    expect(kinds([await rescheduleVisit(ctx, client, { ...move, userId: OWNER })])).toEqual([
      "no such booking",
    ]);
    expect(kinds([await cancelVisit(ctx, client, { id, userId: OWNER })])).toEqual(["no such booking"]);
    await run((db) => db.updateTable("bookings").set({ date: PAST }).execute());
    expect(await cancelVisit(ctx, client, { id, userId: ANNA })).toEqual({
      kind: "limit",
      setting: "cancellation_hours",
      limit: 24,
    });
    await run((db) => db.updateTable("bookings").set({ date: DATE }).execute());
    expect(kinds([await cancelVisit(ctx, client, { id, userId: ANNA })])).toEqual(["done"]);
    const history = await run((db) => db.selectFrom("booking_history").select("action").execute());
    expect(history.map(({ action }) => action)).toEqual(["create", "reschedule", "cancel"]);
    expect(kinds([await bookVisit(ctx, client, visit("10:00", ANNA, PAST))])).toEqual(["closed then"]);
  });

  it("keeps its records: services, admins, settings, actions, events, feedback, statistics", async () => {
    expect(await run(listServices)).toEqual([
      { id: 1, name: "Консультация", minutes: 60, price: "1000.00", priceText: null },
    ]);
    await run((db) => addAdmin(db, { id: ANNA, username: "anna", role: "moderator", addedBy: OWNER }));
    expect(await run((db) => roleOf(db, ANNA))).toBe("moderator");
    await run((db) => removeAdmin(db, ANNA));
    expect(await run(listAdmins)).toEqual([{ id: OWNER, role: "super_admin" }]);
    expect((await run(readSettings)).get("max_bookings_per_user")).toBe(3);
    await run((db) =>
      noteAction(db, {
        adminId: OWNER,
        action: "update_setting",
        targetId: null,
        details: { from: 18, to: 20 },
      }),
    );
    expect(await run((db) => latestActions(db, 5))).toEqual([
      { adminId: OWNER, action: "update_setting", targetId: null, details: { from: 18, to: 20 } },
    ]);

    const outcome = await bookVisit(ctx, client, { ...visit("10:00"), username: "anna" });
    if (outcome.kind !== "done") throw new Error("not booked");
    await run((db) => giveFeedback(db, { userId: ANNA, bookingId: outcome.booking.id, rating: 5 }));
    await run((db) => meetUser(db, { id: ANNA, username: null }));
    expect(await run(countEvents)).toEqual([{ event: "booking_created", count: "1" }]);
    expect(await run((db) => dailyLoad(db, DATE))).toEqual([{ date: DATE, bookings: 1, minutes: 60 }]);
    expect(await run((db) => bestClients(db, 3))).toEqual([{ rank: 1, username: "anna", bookings: 1 }]);
    expect(await run((db) => userStatistics(db, ANNA))).toMatchObject({
      booking_count: 1,
      average_rating: "5.00",
    });
    expect(await run((db) => bookingsOfDay(db, DATE))).toEqual([outcome.booking]);
    await run((db) => db.updateTable("bookings").set({ date: PAST }).execute());
    expect(await run((db) => cleanUpBookings(db, 90))).toEqual({ deleted: 1, oldest: PAST });
  });
});

describe("the booking example's service", async () => {
  const serve = async () => {
    const [first, second] = [await newClient(), await newClient()];
    const app = buildService(ctx, new Map([first, second].map((client) => [client.name, client])));
    const ask = async (method: "GET" | "POST" | "DELETE", path: string, payload?: object) => {
      const answer = await app.inject({ method, url: `/clients/${path}`, ...(payload && { payload }) });
      return { status: answer.statusCode, body: answer.json() };
    };
    return { first, second, ask };
  };

  it("keeps two clients apart by their path alone", async () => {
    const { first, second, ask } = await serve();
    expect(await ask("POST", `${first.name}/bookings`, visit("10:00"))).toMatchObject({ status: 201 });
    const hers = `bookings?user=${ANNA}`;
    expect((await ask("GET", `${first.name}/${hers}`)).body).toHaveLength(1);
    expect((await ask("GET", `${second.name}/${hers}`)).body).toEqual([]);
    const [booked] = (await ask("GET", `${first.name}/${hers}`)).body;
    const cancel = `bookings/${booked.id}?user=${ANNA}`;
    expect((await ask("DELETE", `${second.name}/${cancel}`)).status).toBe(404);
    expect((await ask("DELETE", `${first.name}/${cancel}`)).status).toBe(200);
  });

  it("serves nobody it doesn't know, and nobody without a license that is in force", async () => {
    const { first, second, ask } = await serve();
    expect((await ask("GET", "tenantry/services")).status).toBe(404);
    expect((await ask("GET", "client_999/services")).status).toBe(404);
    expect((await ask("GET", "__proto__/services")).status).toBe(404);
    await ctx.control
      .updateTable("licenses")
      .set({ is_active: false })
      .where("key", "=", first.licenseKey)
      .execute();
    expect((await ask("GET", `${first.name}/services`)).status).toBe(403);
    expect((await ask("GET", `${second.name}/services`)).status).toBe(200);
  });

  it.each([
    { time: "9:00" },
    { time: "25:00" },
    { date: "2026-02-30" },
    { date: "infinity" },
    { userId: "anna" },
    { userId: "1; drop table bookings" },
    { serviceId: 0 },
    { username: undefined },
  ])("refuses %j", async (fault) => {
    const { first, ask } = await serve();
    const answer = await ask("POST", `${first.name}/bookings`, { ...visit("10:00"), ...fault });
    expect(answer.status).toBe(400);
  });
});
