import type { LegacyValue, QuarantineCode } from "@tenantry/schema";
import Type from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { type Fault, validationError } from "../errors.ts";
import { isRecord, uniqueFaults } from "../license-fields.ts";
import { isNumber } from "../page.ts";
import { schemaFaults } from "../schema-faults.ts";
import { textFaults } from "../text-rules.ts";
import { legacyValueFault } from "./legacy-value-fault.ts";

/** Rows that one request may correct. */
export const MAX_CORRECTED_ROWS = 1_000;
const MAX_KEY = 64;
const MAX_TABLE = 256;

/** The body of `POST /v1/legacy-migrations/{id}/quarantine/retry`. */
export const RetryQuarantineRequest = Type.Object(
  {
    rows: Type.Optional(
      Type.Array(
        Type.Object(
          {
            id: Type.String({ description: "The row's `id` in quarantine" }),
            row: Type.Record(Type.String(), Type.Unknown(), {
              description:
                "Its columns with their corrected values, in the form that the quarantine shows them in",
            }),
          },
          { additionalProperties: false },
        ),
        {
          minItems: 1,
          maxItems: MAX_CORRECTED_ROWS,
          description: "Corrected rows. Excludes `licenseKey` and `table`",
        },
      ),
    ),
    licenseKey: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_KEY,
        description: "All that wait of this license, as they are",
      }),
    ),
    table: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_TABLE,
        description: "All that wait of this table, as they are",
      }),
    ),
  },
  { additionalProperties: false },
);

/** Which rows to import out of quarantine: some with corrections, or all that fit and wait, as they are. */
export interface RetryQuarantineInput {
  readonly rows?: readonly CorrectedRow[];
  readonly licenseKey?: string;
  readonly table?: string;
}

export interface CorrectedRow {
  readonly id: string;
  readonly row: Readonly<Record<string, LegacyValue>>;
}

export interface RetryQuarantineOutcome {
  readonly imported: number;
  /** They stay in quarantine, for the reasons that they have now. */
  readonly refused: readonly {
    readonly id: string;
    readonly column: string;
    readonly code: QuarantineCode;
    readonly reason: string;
  }[];
}

const validator: Validator = Compile(RetryQuarantineRequest);

/**
 * Reads a request to import rows out of quarantine. Whether they are there is asked later.
 *
 * @throws TenancyError VALIDATION_FAILED with every fault.
 */
export function parseRetryQuarantine(body: unknown): RetryQuarantineInput {
  const faults = uniqueFaults([
    ...schemaFaults(validator, body),
    ...(isRecord(body) ? fieldFaults(body) : []),
  ]);
  if (faults.length > 0) throw validationError(faults);
  return body as RetryQuarantineInput;
}

function fieldFaults({ rows, licenseKey, table }: Readonly<Record<string, unknown>>): Fault[] {
  const faults: Fault[] = [];
  if (typeof licenseKey === "string")
    faults.push(...textFaults("/licenseKey", licenseKey, { maxLength: MAX_KEY }));
  if (typeof table === "string") faults.push(...textFaults("/table", table, { maxLength: MAX_TABLE }));
  if (rows !== undefined && (licenseKey !== undefined || table !== undefined)) {
    faults.push({ pointer: "/rows", detail: "excludes licenseKey and table: it says which rows" });
  }
  if (Array.isArray(rows)) faults.push(...rowsFaults(rows.slice(0, MAX_CORRECTED_ROWS)));
  return faults;
}

function rowsFaults(rows: readonly unknown[]): Fault[] {
  const first = new Map<string, number>();
  return rows.flatMap((entry, index) => {
    if (!isRecord(entry)) return [];
    const { id, row } = entry;
    const pointer = `/rows/${index}`;
    const faults = isRecord(row) ? rowFaults(`${pointer}/row`, row) : [];
    if (typeof id !== "string") return faults;
    const before = first.get(id);
    if (before === undefined) first.set(id, index);
    else faults.push({ pointer: `${pointer}/id`, detail: `is the same row as /rows/${before}` });
    if (!isNumber(id)) faults.push({ pointer: `${pointer}/id`, detail: "is no id of a row in quarantine" });
    return faults;
  });
}

function rowFaults(pointer: string, row: Readonly<Record<string, unknown>>): Fault[] {
  return Object.entries(row).flatMap(([column, value]) => {
    const detail = legacyValueFault(value);
    return detail === null ? [] : [{ pointer: `${pointer}/${escaped(column)}`, detail }];
  });
}

/** RFC 6901, section 3. */
function escaped(token: string): string {
  return token.toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1");
}
