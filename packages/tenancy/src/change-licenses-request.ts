import Type, { type TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import {
  ExtendLicenseRequest,
  parseExtendLicense,
  parseReason,
  parseSuspendLicense,
  ReasonRequest,
  SuspendLicenseRequest,
} from "./change-license-request.ts";
import { type Fault, TenancyError, validationError } from "./errors.ts";
import { isRecord, uniqueFaults } from "./license-fields.ts";
import { normalizeLicenseKey } from "./license-key.ts";
import { LICENSE_STATUSES } from "./license-status.ts";
import type { LicenseFilter } from "./licenses.ts";
import { schemaFaults } from "./schema-faults.ts";
import { textFaults } from "./text-rules.ts";

/** Licenses that one request may change. */
export const MAX_CHANGES = 10_000;

export const BULK_VERBS = ["suspend", "resume", "extend"] as const;
export type BulkVerb = (typeof BULK_VERBS)[number];

/** What to do with each license. `days` is for `extend`; `suspend` has a reason. */
export interface BulkChange {
  readonly verb: BulkVerb;
  readonly days?: number;
  readonly reason?: string;
}

/** Which licenses: those of these keys, in the form they are stored in, or all that fit. */
export type LicenseSelection =
  | { readonly licenseKeys: readonly string[] }
  | { readonly filter: LicenseFilter };

export interface ChangeLicensesInput {
  readonly selection: LicenseSelection;
  readonly change: BulkChange;
}

const MAX_KEY = 64;
const MAX_TEXT = 256;

const SELECTION = {
  licenseKeys: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: MAX_KEY }), {
      minItems: 1,
      maxItems: MAX_CHANGES,
      description: "Each license once. Excludes `filter`",
    }),
  ),
  filter: Type.Optional(
    Type.Object(
      {
        status: Type.Optional(Type.Enum([...LICENSE_STATUSES])),
        blueprint: Type.Optional(Type.String({ maxLength: MAX_TEXT })),
        q: Type.Optional(
          Type.String({
            maxLength: MAX_TEXT,
            description: "Part of a key, client, company or e-mail address",
          }),
        ),
      },
      {
        additionalProperties: false,
        description: "At least one of them. Says which licenses at the moment of asking",
      },
    ),
  ),
};

/** The bodies of `POST /v1/licenses/bulk/{verb}`. */
export const CHANGE_LICENSES_REQUESTS: Readonly<Record<BulkVerb, TSchema>> = {
  suspend: withSelection(SuspendLicenseRequest.properties),
  resume: withSelection(ReasonRequest.properties),
  extend: withSelection(ExtendLicenseRequest.properties),
};

const selectionValidator: Validator = Compile(Type.Object(SELECTION, { additionalProperties: false }));

const CHANGES: Readonly<Record<BulkVerb, (body: unknown) => Omit<BulkChange, "verb">>> = {
  suspend: parseSuspendLicense,
  resume: parseReason,
  extend: parseExtendLicense,
};

/**
 * Reads a request to change many licenses.
 *
 * @throws TenancyError VALIDATION_FAILED with every fault.
 */
export function parseChangeLicenses(verb: BulkVerb, body: unknown): ChangeLicensesInput {
  const { licenseKeys, filter, ...rest } = isRecord(body) ? body : {};
  const selection = {
    ...(licenseKeys === undefined ? {} : { licenseKeys }),
    ...(filter === undefined ? {} : { filter }),
  };
  const faults = isRecord(body) ? selectionFaults(selection) : [];
  let change: Omit<BulkChange, "verb"> = {};
  try {
    change = CHANGES[verb](isRecord(body) ? rest : body);
  } catch (error) {
    if (!(error instanceof TenancyError)) throw error;
    faults.push(...error.faults);
  }
  if (faults.length > 0) throw validationError(uniqueFaults(faults));
  return {
    selection: Array.isArray(licenseKeys)
      ? { licenseKeys: licenseKeys.map((key) => normalizeLicenseKey(String(key))) }
      : { filter: filter as LicenseFilter },
    change: { verb, ...change },
  };
}

function selectionFaults(selection: Readonly<Record<string, unknown>>): Fault[] {
  const { licenseKeys, filter } = selection;
  const faults = schemaFaults(selectionValidator, selection);
  if (licenseKeys === undefined && filter === undefined) {
    faults.push({ pointer: "", detail: "must name licenses: by licenseKeys or by filter" });
  }
  if (licenseKeys !== undefined && filter !== undefined) {
    faults.push({ pointer: "/filter", detail: "excludes licenseKeys: give one of the two" });
  }
  if (isRecord(filter)) {
    // What changes everything there is must not be what is sent by mistake.
    if (Object.keys(filter).length === 0) {
      faults.push({ pointer: "/filter", detail: "must name at least one of status, blueprint, q" });
    }
    for (const [field, value] of Object.entries(filter)) {
      if (typeof value === "string") {
        faults.push(...textFaults(`/filter/${field}`, value, { maxLength: MAX_TEXT, required: true }));
      }
    }
  }
  if (Array.isArray(licenseKeys)) faults.push(...keyFaults(licenseKeys));
  return faults;
}

/** A license named twice would be extended twice, or fail the second time: which was meant is not to be guessed. */
function keyFaults(keys: readonly unknown[]): Fault[] {
  const first = new Map<string, number>();
  return keys.slice(0, MAX_CHANGES).flatMap((key, index) => {
    if (typeof key !== "string") return [];
    const pointer = `/licenseKeys/${index}`;
    const stored = normalizeLicenseKey(key);
    const before = first.get(stored);
    if (before === undefined) first.set(stored, index);
    return [
      ...textFaults(pointer, key, { maxLength: MAX_KEY, required: true }),
      ...(before === undefined ? [] : [{ pointer, detail: `is the same license as /licenseKeys/${before}` }]),
    ];
  });
}

function withSelection(properties: Record<string, TSchema>): TSchema {
  return Type.Object({ ...SELECTION, ...properties }, { additionalProperties: false });
}
