import type { ColumnMapping, TableMapping } from "../../../legacy/legacy-system.ts";

/** Written by SQLite's CURRENT_TIMESTAMP, or by code that takes UTC and doesn't say so: UTC, whatever the run says. */
const IN_UTC: ColumnMapping = { zone: { name: "UTC", fixed: true } };

/** What the bot wrote there is a text, also where it happens to look like a number or a document. */
const asJsonString = (target: string): ColumnMapping => ({
  rule: { [target]: { kind: "json", asString: true } },
});

/** What the triggers keep of a user follows from his bookings. What a file says of it is kept beside. */
const COUNTED: ColumnMapping = { aside: true };

const SPACE = "[ \\u00a0\\u202f]";
/**
 * A price that is a number and nothing more: `1500 ₽`, `2 800 ₽`, `3200.50`. «от 2500 ₽» is a word to the customer, and
 * stays in `price_text` alone. No more digits than the column has.
 */
const EXACT_PRICE = `^\\s*(\\d{1,3}(?:${SPACE}\\d{3}){1,2}(?:\\.\\d{1,2})?|\\d{1,10}(?:\\.\\d{1,2})?)\\s*(?:₽|[Рр]уб\\.?|[Рр]\\.?|RUB)?\\s*$`;

/** Columns that aren't named go into those of their names. Both versions of the bot's files, and what they have in common. */
export const TABLES: Readonly<Record<string, TableMapping>> = {
  // The blueprint's ledger has its place; how far a file had come is kept.
  schema_migrations: { target: null },
  // Superseded by `settings`, which the bot reads.
  schedule_settings: { target: null },
  bookings: { constants: { imported: "true" } },
  users: {
    columns: { username: COUNTED, last_activity: COUNTED, booking_count: COUNTED, purged_count: COUNTED },
  },
  services: {
    columns: {
      price: {
        targets: ["price", "price_text"],
        pattern: { price: EXACT_PRICE },
        strip: { price: " \u00a0\u202f" },
      },
      created_at: IN_UTC,
    },
  },
  settings: { columns: { updated_at: IN_UTC } },
  work_schedule: { columns: { updated_at: IN_UTC } },
  blocked_slots: { columns: { blocked_at: IN_UTC } },
  blocked_date_ranges: { columns: { created_at: IN_UTC } },
  // Both forms come: CURRENT_TIMESTAMP's, and the code's, which has its offset.
  text_templates: { columns: { updated_at: IN_UTC } },
  text_changes_log: { columns: { changed_at: IN_UTC } },
  booking_history: { columns: { changed_at: IN_UTC } },
  analytics: { columns: { data: asJsonString("data") } },
  audit_log: { columns: { details: asJsonString("details") } },
};
