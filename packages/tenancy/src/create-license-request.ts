import { type BlueprintRegistry, LICENSE_TYPES, type LicenseType } from "@tenantry/schema";
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
  uniqueFaults,
} from "./license-fields.ts";
import { schemaFaults } from "./schema-faults.ts";

/** The body of `POST /v1/licenses`. Blueprint-specific rules come from the blueprint. */
export const CreateLicenseRequest = Type.Object(
  {
    clientName: Type.String({
      minLength: 1,
      maxLength: 256,
      description: "The customer, as it should be shown",
    }),
    email: Type.Optional(Type.String({ maxLength: 254, pattern: EMAIL })),
    phone: Type.Optional(Type.String({ maxLength: 40 })),
    company: Type.Optional(Type.String({ maxLength: 256 })),
    adminUsername: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: "Needed by `erp`, refused by `booking`" }),
    ),
    adminPassword: Type.Optional(Type.String({ minLength: 8, maxLength: 128, format: "password" })),
    licenseType: Type.Optional(Type.Enum([...LICENSE_TYPES], { default: "trial" })),
    maxUsers: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_COUNT, default: 1 })),
    maxBranches: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_COUNT, default: 1 })),
    durationDays: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LICENSE_DAYS })),
    expiresAt: Type.Optional(Type.String({ format: "date-time", description: "Excludes durationDays" })),
    blueprint: Type.Optional(
      Type.String({
        default: "erp",
        description: "What the tenant holds: `erp`, `booking`, or one of yours",
      }),
    ),
    parameters: Type.Optional(
      Type.Object(
        {},
        {
          additionalProperties: true,
          default: {},
          description:
            "What the blueprint asks for. `booking` needs `adminTelegramId`, the owner's Telegram id; `erp` takes none",
        },
      ),
    ),
    notes: Type.Optional(Type.String({ maxLength: 10_000 })),
  },
  { additionalProperties: false },
);

/** A request that was found good, with its defaults filled in. */
export interface CreateLicenseInput {
  readonly clientName: string;
  readonly email: string | null;
  readonly phone: string | null;
  readonly company: string | null;
  readonly admin: { readonly username: string; readonly password: string } | null;
  readonly licenseType: LicenseType;
  readonly maxUsers: number;
  readonly maxBranches: number;
  readonly durationDays?: number;
  readonly expiresAt?: Date;
  readonly blueprint: string;
  readonly parameters: Record<string, unknown>;
  readonly notes: string | null;
}

const validator: Validator = Compile(CreateLicenseRequest);

/**
 * Reads a create-license request.
 *
 * @throws TenancyError VALIDATION_FAILED with every fault, not only the first.
 */
export function parseCreateLicense(
  body: unknown,
  blueprints: BlueprintRegistry,
  now: Date,
): CreateLicenseInput {
  const request = isRecord(body) ? body : {};
  const faults = uniqueFaults([
    ...schemaFaults(validator, body),
    ...fieldTextFaults(request),
    ...term(request, now),
    ...blueprintFaults(request, blueprints),
  ]);
  if (faults.length > 0) throw validationError(faults);
  return toInput(request as unknown as Request);
}

/** The shape that the schema has proved. */
interface Request {
  clientName: string;
  email?: string;
  phone?: string;
  company?: string;
  adminUsername?: string;
  adminPassword?: string;
  licenseType?: LicenseType;
  maxUsers?: number;
  maxBranches?: number;
  durationDays?: number;
  expiresAt?: string;
  blueprint?: string;
  parameters?: Record<string, unknown>;
  notes?: string;
}

function toInput(request: Request): CreateLicenseInput {
  const { adminUsername, adminPassword, durationDays, expiresAt } = request;
  return {
    clientName: request.clientName,
    email: request.email ?? null,
    phone: request.phone ?? null,
    company: request.company ?? null,
    admin:
      adminUsername === undefined || adminPassword === undefined
        ? null
        : { username: adminUsername, password: adminPassword },
    licenseType: request.licenseType ?? "trial",
    maxUsers: request.maxUsers ?? 1,
    maxBranches: request.maxBranches ?? 1,
    ...(durationDays === undefined ? {} : { durationDays }),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
    blueprint: request.blueprint ?? "erp",
    parameters: request.parameters ?? {},
    notes: request.notes ?? null,
  };
}

function term(request: Record<string, unknown>, now: Date): Fault[] {
  const faults: Fault[] = [];
  const { durationDays, expiresAt } = request;
  if (durationDays !== undefined && expiresAt !== undefined) {
    faults.push({ pointer: "/durationDays", detail: "excludes expiresAt: give one of the two" });
  }
  return typeof expiresAt === "string" ? [...faults, ...endFaults(expiresAt, now)] : faults;
}

const parameterValidators = new WeakMap<object, Validator>();

function blueprintFaults(request: Record<string, unknown>, blueprints: BlueprintRegistry): Fault[] {
  const name = request.blueprint ?? "erp";
  if (typeof name !== "string") return [];
  const compiled = blueprints.get(name);
  if (compiled === undefined) {
    const known = [...blueprints.keys()].join(", ");
    return [{ pointer: "/blueprint", detail: `is not one of the blueprints here: ${known}` }];
  }
  const { parameters, signIn } = compiled.blueprint;
  let parameterValidator = parameterValidators.get(parameters);
  if (parameterValidator === undefined) {
    parameterValidator = Compile(parameters);
    parameterValidators.set(parameters, parameterValidator);
  }
  const given = request.parameters ?? {};
  const faults = isRecord(given) ? schemaFaults(parameterValidator, given, "/parameters") : [];
  const required = signIn ? ["adminUsername", "adminPassword"] : [];
  for (const field of ["adminUsername", "adminPassword"]) {
    if (required.includes(field) && request[field] === undefined) {
      faults.push({ pointer: `/${field}`, detail: `is required by blueprint ${name}` });
    }
    if (!signIn && request[field] !== undefined) {
      faults.push({
        pointer: `/${field}`,
        detail: `is not known to blueprint ${name}, whose tenants have no sign-in`,
      });
    }
  }
  return faults;
}
