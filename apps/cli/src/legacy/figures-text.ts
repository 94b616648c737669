import type { LegacyRunFigures } from "@tenantry/tenancy";
import { count } from "../output/license-text.ts";

const BAR_CELLS = 20;
const WHOLE = new Intl.NumberFormat("en");

/** How far a migration is, as one line: `7 of 12 licenses, 1 failed; 31,204 of 36,000 rows, 8,900 a second; ends about 14:03`. */
export function progressLine(figures: LegacyRunFigures, bar: boolean): string {
  const { licenses, rows, rowsPerSecond, estimatedEnd } = figures;
  const ended = licenses.succeeded + licenses.failed + licenses.canceled;
  const text = [
    [`${ended} of ${count(licenses.total, "license", "licenses")}`, ...notWell(figures)].join(", "),
    [
      `${WHOLE.format(rows.done)} of ${WHOLE.format(rows.planned)} rows`,
      ...(rowsPerSecond === null ? [] : [`${WHOLE.format(rowsPerSecond)} a second`]),
      ...(rows.quarantined === 0 ? [] : [`${WHOLE.format(rows.quarantined)} in quarantine`]),
    ].join(", "),
    ...(estimatedEnd === null ? [] : [`ends about ${clock(estimatedEnd)}`]),
  ].join("; ");
  return bar ? `${progressBar(figures)} ${text}` : text;
}

/** `2 failed`, `1 canceled`; nothing where all is well. */
function notWell({ licenses }: LegacyRunFigures): string[] {
  return (["failed", "canceled"] as const)
    .filter((state) => licenses[state] > 0)
    .map((state) => `${licenses[state]} ${state}`);
}

/** Rows say more than licenses, which differ a lot; where there are none, licenses. */
function progressBar({ licenses, rows }: LegacyRunFigures): string {
  const ended = licenses.succeeded + licenses.failed + licenses.canceled;
  const ofLicenses = licenses.total === 0 ? 0 : ended / licenses.total;
  const share = rows.planned === 0 ? ofLicenses : Math.min(1, rows.done / rows.planned);
  const filled = Math.floor(share * BAR_CELLS);
  return `[${"#".repeat(filled)}${".".repeat(BAR_CELLS - filled)}]`;
}

/** The time of day on the reader's own clock, with the date unless it is today. */
function clock(time: string): string {
  const end = new Date(time);
  const isToday = end.toDateString() === new Date().toDateString();
  return isToday ? end.toLocaleTimeString("en-GB") : end.toLocaleString("en-GB");
}

/** `14: 8 moved with data, 4 got a fresh tenant, 1 there already, left as it was, 1 failed`. */
export function licensesText({ licenses, outcomes }: LegacyRunFigures): string {
  const parts = [
    [outcomes.imported, "moved with data"],
    [outcomes.created, "got a fresh tenant"],
    [outcomes.skipped, "there already, left as it was"],
    [licenses.failed, "failed"],
    [licenses.canceled, "canceled"],
    [licenses.queued + licenses.running, "to do"],
  ] as const;
  return summed(licenses.total, parts);
}

/** The same for a plan: what would become of them. */
export function foresightText({ licenses, foresight }: LegacyRunFigures): string {
  return summed(licenses.total, [
    [foresight.import, "would move with data"],
    [foresight.create, "would get a fresh tenant"],
    [foresight.skip, "there already, would be left"],
    [foresight.refuse, "could not be moved"],
  ]);
}

function summed(total: number, parts: readonly (readonly [number, string])[]): string {
  const text = parts
    .filter(([number]) => number > 0)
    .map(([number, what]) => `${number} ${what}`)
    .join(", ");
  return text === "" ? String(total) : `${total}: ${text}`;
}

/** `34,211 of 34,216 moved, 5 in quarantine, 8,900 a second`. */
export function rowsText({ rows, rowsPerSecond }: LegacyRunFigures): string {
  return [
    `${WHOLE.format(rows.done)} of ${WHOLE.format(rows.planned)} moved`,
    `${WHOLE.format(rows.quarantined)} in quarantine`,
    ...(rowsPerSecond === null ? [] : [`${WHOLE.format(rowsPerSecond)} a second`]),
  ].join(", ");
}
