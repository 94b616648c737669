import type { TenancyContext } from "@tenantry/tenancy";
import { type BotClient, inClient } from "./clients.ts";
import { noteEvent } from "./repositories/analytics.ts";
import { noteChange } from "./repositories/audit.ts";
import {
  type Booking,
  deleteBooking,
  findBooking,
  hoursUntil,
  insertBooking,
  isSlotTaken,
  moveBooking,
  upcomingBookings,
} from "./repositories/bookings.ts";
import { freeSlots, isOpen } from "./repositories/calendar.ts";
import { findService } from "./repositories/services.ts";
import { readNumber } from "./repositories/settings.ts";
import { meetUser } from "./repositories/users.ts";
import type { Day, TelegramId } from "./tables.ts";

/** Why something can't be booked, moved or cancelled. None of these is an error: people try. */
export type Refusal =
  | "slot taken"
  | "closed then"
  | "no such service"
  | "no such booking"
  | "changed meanwhile";

export type Outcome =
  | { readonly kind: "done"; readonly booking: Booking }
  | { readonly kind: "refused"; readonly why: Refusal }
  | { readonly kind: "limit"; readonly setting: string; readonly limit: number };

const refused = (why: Refusal): Outcome => ({ kind: "refused", why });

/** The starts that are still free on a day; undefined when there is no such service. */
export async function slotsOf(
  ctx: TenancyContext,
  client: BotClient,
  { date, serviceId }: { date: Day; serviceId: number },
): Promise<string[] | undefined> {
  return inClient(ctx, client, async (db) => {
    const service = await findService(db, serviceId);
    return service && client.cache.slots(date, serviceId, () => freeSlots(db, { date, ...service }));
  });
}

export interface Visit {
  readonly userId: TelegramId;
  readonly username: string | null;
  readonly serviceId: number;
  readonly date: Day;
  readonly time: string;
}

/** Books a visit. One transaction: the booking, its history and its event are there together or not at all. */
export async function bookVisit(ctx: TenancyContext, client: BotClient, visit: Visit): Promise<Outcome> {
  const outcome = await unlessTaken(() =>
    inClient(ctx, client, async (db): Promise<Outcome> => {
      await meetUser(db, { id: visit.userId, username: visit.username });
      const service = await findService(db, visit.serviceId);
      if (service === undefined) return refused("no such service");
      const limit = await readNumber(db, "max_bookings_per_user");
      if ((await upcomingBookings(db, visit.userId)).length >= limit) {
        return { kind: "limit", setting: "max_bookings_per_user", limit };
      }
      if (!(await isOpen(db, { ...visit, minutes: service.minutes }))) return refused("closed then");
      const booking = await insertBooking(db, { ...visit, minutes: service.minutes });
      const by = { id: visit.userId, type: "user" } as const;
      await noteChange(db, { bookingId: booking.id, action: "create", by, from: null, to: booking });
      await noteEvent(db, {
        userId: visit.userId,
        event: "booking_created",
        data: { bookingId: booking.id },
      });
      return { kind: "done", booking };
    }),
  );
  if (outcome.kind === "done") {
    await client.cache.forget(visit.date);
    await client.cache.countBooking();
  }
  return outcome;
}

/** Moves a booking of the user's. */
export async function rescheduleVisit(
  ctx: TenancyContext,
  client: BotClient,
  move: { id: number; version: number; userId: TelegramId; date: Day; time: string },
): Promise<Outcome> {
  let before: Booking | undefined;
  const outcome = await unlessTaken(() =>
    inClient(ctx, client, async (db): Promise<Outcome> => {
      before = await findBooking(db, move.id);
      if (before === undefined || before.userId !== move.userId) return refused("no such booking");
      if (!(await isOpen(db, { ...move, minutes: before.minutes }))) return refused("closed then");
      const booking = await moveBooking(db, move);
      if (booking === undefined) return refused("changed meanwhile");
      const by = { id: move.userId, type: "user" } as const;
      await noteChange(db, { bookingId: move.id, action: "reschedule", by, from: before, to: booking });
      await noteEvent(db, {
        userId: move.userId,
        event: "booking_rescheduled",
        data: { bookingId: move.id },
      });
      return { kind: "done", booking };
    }),
  );
  if (outcome.kind === "done" && before !== undefined) {
    await client.cache.forget(before.date);
    await client.cache.forget(move.date);
  }
  return outcome;
}

/** Cancels a booking of the user's, unless it is too late for that. */
export async function cancelVisit(
  ctx: TenancyContext,
  client: BotClient,
  { id, userId }: { id: number; userId: TelegramId },
): Promise<Outcome> {
  const outcome = await inClient(ctx, client, async (db): Promise<Outcome> => {
    const booking = await findBooking(db, id);
    if (booking === undefined || booking.userId !== userId) return refused("no such booking");
    const limit = await readNumber(db, "cancellation_hours");
    if ((await hoursUntil(db, id)) < limit) return { kind: "limit", setting: "cancellation_hours", limit };
    await deleteBooking(db, id);
    const by = { id: userId, type: "user" } as const;
    await noteChange(db, { bookingId: id, action: "cancel", by, from: booking, to: null });
    await noteEvent(db, { userId, event: "booking_cancelled", data: { bookingId: id } });
    return { kind: "done", booking };
  });
  if (outcome.kind === "done") await client.cache.forget(outcome.booking.date);
  return outcome;
}

/** Outside the transaction, which the database has ended with its refusal. */
async function unlessTaken(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    if (isSlotTaken(error)) return refused("slot taken");
    throw error;
  }
}
