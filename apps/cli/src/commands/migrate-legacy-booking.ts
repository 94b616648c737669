import { migrateLegacyCommand } from "../legacy/migrate-legacy-command.ts";

export const migrateLegacyBookingCommand = migrateLegacyCommand(
  "booking",
  "the booking bot: a folder for each client, with its bookings.db",
);
