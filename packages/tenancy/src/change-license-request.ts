import Type from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { type Fault, validationError } from "./errors.ts";
import {
  EMAIL,
  endFaults,
  fieldTextFaults,
  isRecord,
  MAX_COUNT,
  MAX_LICENSE_DAYS,
  MAX_REASON,
  uniqueFaults,
} from "./license-fields.ts";
import { schemaFaults } from "./schema-faults.ts";

/** Null takes away what was there. */
const clearable = (options: object) => Type.Optional(Type.Unsafe({ type: ["string", "null"], ...options }));
const reason = () =>
  Type.String({ minLength: 1, maxLength: MAX_REASON, description: "Why, for the license's history" });

/** The body of `PATCH /v1/licenses/{key}`. */
export const ChangeLicenseRequest = Type.Object(
  {
    clientName: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
    email: clearable({ maxLength: 254, pattern: EMAIL }),
    phone: clearable({ maxLength: 40 }),
    company: clearable({ maxLength: 256 }),
    notes: clearable({ maxLength: 10_000 }),
    maxUsers: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_COUNT })),
    maxBranches: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_COUNT })),
    expiresAt: clearable({ format: "date-time", description: "Null: it never ends" }),
    reason: Type.Optional(reason()),
  },
  { additionalProperties: false },
);

/** The body of `POST /v1/licenses/{key}/suspend`. */
export const SuspendLicenseRequest = Type.Object({ reason: reason() }, { additionalProperties: false });

/** The body of `POST /v1/licenses/{key}/extend`. */
export const ExtendLicenseRequest = Type.Object(
  {
    days: Type.Integer({ minimum: 1, maximum: MAX_LICENSE_DAYS }),
    reason: Type.Optional(reason()),
  },
  { additionalProperties: false },
);

/** The body of `resume`, `activate` and `deactivate`, or none. */
export const ReasonRequest = Type.Object(
  { reason: Type.Optional(reason()) },
  { additionalProperties: false, description: "The body may be left out altogether" },
);

/** What to change. Null clears; what is absent stays. */
export interface ChangeLicenseInput {
  readonly clientName?: string;
  readonly email?: string | null;
  readonly phone?: string | null;
  readonly company?: string | null;
  readonly notes?: string | null;
  readonly maxUsers?: number;
  readonly maxBranches?: number;
  readonly expiresAt?: Date | null;
  readonly reason?: string;
}

export interface SuspendLicenseInput {
  readonly reason: string;
}

export interface ExtendLicenseInput {
  /** 1 to 36,500. */
  readonly days: number;
  readonly reason?: string;
}

/** For a change that says everything by its name. */
export interface ReasonInput {
  readonly reason?: string;
}

const changeValidator: Validator = Compile(ChangeLicenseRequest);
const suspendValidator: Validator = Compile(SuspendLicenseRequest);
const extendValidator: Validator = Compile(ExtendLicenseRequest);
const reasonValidator: Validator = Compile(ReasonRequest);

/**
 * Reads a request to change a license's facts.
 *
 * @throws TenancyError VALIDATION_FAILED with every fault.
 */
export function parseChangeLicense(body: unknown, now: Date): ChangeLicenseInput {
  const request = read(changeValidator, body, (fields) => [
    ...(typeof fields.expiresAt === "string" ? endFaults(fields.expiresAt, now) : []),
    ...(Object.keys(fields).some((field) => field !== "reason")
      ? []
      : [{ pointer: "", detail: "must name at least one field to change" }]),
  ]);
  const { expiresAt, ...rest } = request as Omit<ChangeLicenseInput, "expiresAt"> & {
    expiresAt?: string | null;
  };
  if (expiresAt === undefined) return rest;
  return { ...rest, expiresAt: expiresAt === null ? null : new Date(expiresAt) };
}

/**
 * @throws TenancyError VALIDATION_FAILED with every fault.
 */
export function parseSuspendLicense(body: unknown): SuspendLicenseInput {
  return read(suspendValidator, body) as unknown as SuspendLicenseInput;
}

/**
 * @throws TenancyError VALIDATION_FAILED with every fault.
 */
export function parseExtendLicense(body: unknown): ExtendLicenseInput {
  return read(extendValidator, body) as unknown as ExtendLicenseInput;
}

/**
 * @throws TenancyError VALIDATION_FAILED with every fault.
 */
export function parseReason(body: unknown): ReasonInput {
  return read(reasonValidator, body) as ReasonInput;
}

function read(
  validator: Validator,
  body: unknown,
  moreFaults: (fields: Record<string, unknown>) => Fault[] = () => [],
): Record<string, unknown> {
  const fields = isRecord(body) ? body : {};
  const faults = uniqueFaults([
    ...schemaFaults(validator, body),
    ...fieldTextFaults(fields),
    ...(isRecord(body) ? moreFaults(fields) : []),
  ]);
  if (faults.length > 0) throw validationError(faults);
  return fields;
}
