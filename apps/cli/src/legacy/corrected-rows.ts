import { parseRetryQuarantine, type RetryQuarantineInput, TenancyError } from "@tenantry/tenancy";
import { WrongUse } from "../arguments/wrong-use.ts";
import { parseJsonItems, readInputFile } from "../input-file.ts";

type CorrectedRow = NonNullable<RetryQuarantineInput["rows"]>[number];

/** Rows that are retried at once. */
const AT_ONCE = 1_000;
/** Faults that are told; the rest is probably more of the same. */
const TOLD = 10;

/**
 * Reads a file as `quarantine export` writes it, corrected: of each line, `id` and `row`. In parts that are small enough
 * for one request each.
 *
 * @throws WrongUse naming the lines that are wrong.
 */
export async function readCorrectedRows(path: string): Promise<CorrectedRow[][]> {
  const items = parseJsonItems(await readInputFile(path)).map(pick);
  const faults: string[] = [];
  const parts: CorrectedRow[][] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    try {
      const { rows } = parseRetryQuarantine({ rows: items.slice(from, from + AT_ONCE) });
      parts.push([...(rows ?? [])]);
    } catch (error) {
      if (!(error instanceof TenancyError) || error.code !== "VALIDATION_FAILED") throw error;
      faults.push(...error.faults.map(({ pointer, detail }) => lineFault(from, pointer, detail)));
    }
  }
  if (faults.length > 0) {
    throw new WrongUse(
      "The file has rows that can't be read.",
      "Each line needs the `id` that export gave it, and `row` with the corrected values.",
      faults.slice(0, TOLD),
    );
  }
  return parts;
}

/** What export writes beside these is for people. */
function pick(item: unknown): unknown {
  if (typeof item !== "object" || item === null) return item;
  return Object.fromEntries(Object.entries(item).filter(([field]) => field === "id" || field === "row"));
}

/** `/rows/3/row/price` as `row 4: /row/price …`. */
function lineFault(from: number, pointer: string, detail: string): string {
  const [, index = "0", ...rest] = pointer.slice(1).split("/");
  return `row ${from + Number(index) + 1}: ${rest.length === 0 ? "" : `/${rest.join("/")} `}${detail}`;
}
