import type { BlueprintRegistry } from "@tenantry/schema";
import Type from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { type Fault, validationError } from "../errors.ts";
import { isRecord, uniqueFaults } from "../license-fields.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import { type Pace, PaceChoice, paceOf } from "../pace/pace.ts";
import { schemaFaults } from "../schema-faults.ts";
import { textFaults } from "../text-rules.ts";
import type { Amount } from "./waves.ts";
import { parseAmount } from "./waves.ts";

/** Tenants that a dry run may name: its report says something of each. */
const MAX_REHEARSED = 100;
/** Licenses that one request may name. One that names none means all that are behind. */
const MAX_KEYS = 10_000;
/** The column's width. */
const MAX_KEY = 64;

const Keys = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: MAX_KEY }), {
    minItems: 1,
    maxItems: MAX_KEYS,
    description,
  });
const Share = () => Type.String({ maxLength: 8, examples: ["5%"] });

/** The body of `POST /v1/fleet-migrations`. */
export const FleetMigrationRequest = Type.Object(
  {
    blueprint: Type.String({ maxLength: 31, description: "Whose tenants are brought to its last version" }),
    canary: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1 }), Share(), Keys("These first")], {
        description: "The first wave: so many tenants, a share of them, or these licenses'. One by default",
      }),
    ),
    maxFailures: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0 }), Share()], {
        description:
          "More failures pause the run. A share is one of the tenants of all waves so far. 0 by default",
      }),
    ),
    licenseKeys: Type.Optional(Keys("Only these licenses' tenants. All that are behind by default")),
    acceptBreaking: Type.Optional(
      Type.Boolean({
        default: false,
        description: "No application runs any more that a migration says it breaks",
      }),
    ),
    pace: Type.Optional(PaceChoice),
    dryRun: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          "Try the upgrade of a few tenants, or of `licenseKeys`, in transactions that are rolled back; `result` tells of it",
      }),
    ),
  },
  { additionalProperties: false },
);

/** A request that was found good, with its defaults filled in. Kept as the operation's input. */
export interface FleetMigrationInput {
  readonly blueprint: string;
  readonly canary: Amount | readonly string[];
  readonly maxFailures: Amount;
  readonly licenseKeys: readonly string[] | null;
  readonly acceptBreaking: boolean;
  readonly pace: Pace;
  readonly dryRun: boolean;
}

const validator: Validator = Compile(FleetMigrationRequest);

/**
 * Reads a request for a fleet migration. Whether it can be done now is asked later.
 *
 * @throws TenancyError VALIDATION_FAILED with every fault.
 */
export function parseFleetMigration(
  body: unknown,
  ctx: { readonly blueprints: BlueprintRegistry },
): FleetMigrationInput {
  const request = isRecord(body) ? body : {};
  const { blueprint, canary, maxFailures, licenseKeys } = request;
  const faults = uniqueFaults([
    ...schemaFaults(validator, body),
    ...blueprintFaults(blueprint, ctx.blueprints),
    ...shareFaults("/canary", canary),
    ...shareFaults("/maxFailures", maxFailures),
    ...keyFaults("/canary", canary),
    ...keyFaults("/licenseKeys", licenseKeys),
    ...(request.dryRun === true && Array.isArray(licenseKeys) && licenseKeys.length > MAX_REHEARSED
      ? [{ pointer: "/licenseKeys", detail: `must be ${MAX_REHEARSED} at most in a dry run` }]
      : []),
  ]);
  if (faults.length > 0) throw validationError(faults);
  return {
    blueprint: String(blueprint),
    canary: Array.isArray(canary) ? keys(canary) : amount(canary, 1),
    maxFailures: amount(maxFailures, 0),
    licenseKeys: Array.isArray(licenseKeys) ? keys(licenseKeys) : null,
    acceptBreaking: request.acceptBreaking === true,
    pace: paceOf(request),
    dryRun: request.dryRun === true,
  };
}

function keys(given: readonly unknown[]): string[] {
  return [...new Set(given.map((key) => normalizeLicenseKey(String(key))))];
}

/** What the schema has let through. */
function amount(given: unknown, otherwise: number): Amount {
  return (
    (typeof given === "string" ? parseAmount(given) : null) ?? (given as number | undefined) ?? otherwise
  );
}

function blueprintFaults(blueprint: unknown, known: BlueprintRegistry): Fault[] {
  if (typeof blueprint !== "string" || known.has(blueprint)) return [];
  return [{ pointer: "/blueprint", detail: `must be one of ${[...known.keys()].join(", ")}` }];
}

function shareFaults(pointer: string, given: unknown): Fault[] {
  if (typeof given !== "string") return [];
  const parsed = given.endsWith("%") ? parseAmount(given) : null;
  return parsed === null
    ? [{ pointer, detail: "must be a number, or a share of 0% to 100% such as 5%" }]
    : [];
}

function keyFaults(pointer: string, given: unknown): Fault[] {
  if (!Array.isArray(given)) return [];
  return given
    .slice(0, MAX_KEYS)
    .flatMap((key: unknown, index) =>
      typeof key === "string"
        ? textFaults(`${pointer}/${index}`, key, { maxLength: MAX_KEY, required: true })
        : [],
    );
}

/** The body of `POST /v1/fleet-migrations/{id}/resume`. */
export const ResumeFleetRequest = Type.Object(
  {
    maxFailures: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0 }), Share()], { description: "Another budget from here on" }),
    ),
  },
  { additionalProperties: false },
);

const resumeValidator: Validator = Compile(ResumeFleetRequest);

/**
 * Reads a request that a paused fleet migration goes on.
 *
 * @throws TenancyError VALIDATION_FAILED with every fault.
 */
export function parseResumeFleet(body: unknown): { readonly maxFailures: Amount | null } {
  const { maxFailures } = isRecord(body) ? body : {};
  const faults = uniqueFaults([
    ...schemaFaults(resumeValidator, body),
    ...shareFaults("/maxFailures", maxFailures),
  ]);
  if (faults.length > 0) throw validationError(faults);
  return { maxFailures: maxFailures === undefined ? null : amount(maxFailures, 0) };
}
