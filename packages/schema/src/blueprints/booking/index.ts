import { defineBlueprint } from "../../blueprint/define.ts";
import { oldBot } from "./legacy.ts";
import { peopleAndServices } from "./migrations/0001-people-and-services.ts";
import { calendar } from "./migrations/0002-calendar.ts";
import { records } from "./migrations/0003-records.ts";
import { functionsAndViews } from "./migrations/0004-functions-and-views.ts";
import { triggers } from "./migrations/0005-triggers.ts";
import { importedBookings } from "./migrations/0006-imported-bookings.ts";
import { type BookingParameters, PARAMETERS } from "./parameters.ts";
import { seedCommon, seedLicense } from "./seed.ts";

export type { BookingParameters } from "./parameters.ts";

/**
 * One client of the booking bot: the tables of the legacy bot's newer files, without its `schema_migrations` (the ledger
 * has that place) and `schedule_settings` (superseded by `settings`). Its people are Telegram's; nobody signs in.
 */
export const booking = defineBlueprint<BookingParameters>({
  name: "booking",
  schemaNaming: { kind: "sequence", prefix: "client_", digits: 3 },
  migrations: [peopleAndServices, calendar, records, functionsAndViews, triggers, importedBookings],
  commonSeed: seedCommon,
  seed: seedLicense,
  parameters: PARAMETERS,
  signIn: false,
  legacy: [oldBot],
});
