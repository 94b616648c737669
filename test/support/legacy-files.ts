import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { type BookingSource, type BookingSourceInput, writeBookingSource } from "./legacy/booking-source.ts";
import { type DedSource, type DedSourceInput, writeDedSource } from "./legacy/ded-source.ts";

export { BOOKING_SUPER_ADMIN } from "./legacy/booking-source.ts";
export * from "./legacy/damage.ts";
export { DED_PASSWORD, tenantFileName, withDatabase } from "./legacy/ded-source.ts";
export * from "./legacy/plant.ts";
export * from "./legacy/werkzeug.ts";
export type { BookingSource, BookingSourceInput, DedSource, DedSourceInput };

const folders: string[] = [];

afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A new, empty folder, removed after the test file. */
export function legacyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tenantry-legacy-"));
  folders.push(folder);
  return folder;
}

/**
 * A source of the old ERP, as its program would have left it: licenses in the master, data of some in files of their own.
 * Removed after the test file.
 */
export function dedSource(input: DedSourceInput): DedSource {
  return writeDedSource(legacyFolder(), input);
}

/** A source of the booking bot: a file for each client, in either version of its tables. Removed after the test file. */
export function bookingSource(input: BookingSourceInput): BookingSource {
  return writeBookingSource(legacyFolder(), input);
}
