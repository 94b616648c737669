import { type LicenseEvent, printable } from "@tenantry/tenancy";
import type { Column } from "./table.ts";

/** A license's history, one event a line. */
export const HISTORY_COLUMNS: readonly Column<LicenseEvent>[] = [
  { title: "AT", cell: ({ at }) => at },
  { title: "WHAT", cell: ({ type }) => type },
  { title: "WHO", cell: ({ actor }) => printable(actor) },
  { title: "CHANGES", cell: (event) => printable(changes(event)) },
  { title: "WHY", cell: ({ reason }) => printable(reason ?? "") },
];

/** `maxUsers 3 → 5, email none → a@b.example`. The reason has a column of its own. */
function changes({ type, from, to, reason }: LicenseEvent): string {
  return Object.entries(to)
    .filter(([field, value]) => !(field === "suspensionReason" && value === reason))
    .map(([field, value]) =>
      type === "created"
        ? `${field} ${shown(value)}`
        : `${field} ${shown(Reflect.get(from, field))} → ${shown(value)}`,
    )
    .join(", ");
}

function shown(value: unknown): string {
  return value === null || value === undefined ? "none" : String(value);
}
