import type { BlueprintRegistry } from "@tenantry/schema";
import Type from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { type Fault, validationError } from "../errors.ts";
import { isRecord, uniqueFaults } from "../license-fields.ts";
import { type Pace, PaceChoice, paceOf } from "../pace/pace.ts";
import { schemaFaults } from "../schema-faults.ts";
import { textFaults } from "../text-rules.ts";
import { legacySystems } from "./legacy-systems.ts";

/** Licenses that one request may name. One that names none means all. */
const MAX_KEYS = 10_000;
const MAX_PATH = 1_024;
/** The column's width: keys of other systems carry over as they are. */
const MAX_KEY = 64;

export const ON_EXISTING = ["skip", "fail"] as const;
/** What becomes of a license that has a tenant already. */
export type OnExisting = (typeof ON_EXISTING)[number];

/** The body of `POST /v1/legacy-migrations`. */
export const LegacyMigrationRequest = Type.Object(
  {
    system: Type.String({ maxLength: 31, description: "`ded`, `booking`, or one of your blueprints' own" }),
    path: Type.String({
      minLength: 1,
      maxLength: MAX_PATH,
      description: "The source's folder, relative to LEGACY_DIR",
    }),
    licenseKeys: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: MAX_KEY }), {
        minItems: 1,
        maxItems: MAX_KEYS,
        description:
          "Only these: license keys, or the names of clients' folders. All of the source by default",
      }),
    ),
    dryRun: Type.Optional(
      Type.Boolean({ default: false, description: "Only say what would become of each license" }),
    ),
    onExisting: Type.Optional(
      Type.Enum([...ON_EXISTING], {
        default: "skip",
        description: "What becomes of a license that has a tenant already. It is never overwritten",
      }),
    ),
    strict: Type.Optional(
      Type.Boolean({
        default: false,
        description: "A license with a row that can't be imported fails, and leaves nothing",
      }),
    ),
    timeZone: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: "IANA name of the zone that times without one are in. The system's own by default",
      }),
    ),
    pace: Type.Optional(PaceChoice),
  },
  { additionalProperties: false },
);

/** A request that was found good, with its defaults filled in. Kept as the operation's input. */
export interface LegacyMigrationInput {
  readonly system: string;
  readonly path: string;
  /** What `path` is relative to: LEGACY_DIR, or nothing, for an operator's absolute path. */
  readonly root: "legacy-dir" | "operator";
  readonly licenseKeys: readonly string[] | null;
  readonly dryRun: boolean;
  readonly onExisting: OnExisting;
  readonly strict: boolean;
  readonly timeZone: string | null;
  readonly pace: Pace;
}

const validator: Validator = Compile(LegacyMigrationRequest);

/**
 * Reads a request for a legacy migration, as it comes over HTTP. Whether the source is there is asked later.
 *
 * @throws TenancyError VALIDATION_FAILED with every fault.
 */
export function parseLegacyMigration(
  body: unknown,
  ctx: { readonly blueprints: BlueprintRegistry },
): LegacyMigrationInput {
  const request = isRecord(body) ? body : {};
  const faults = uniqueFaults([
    ...schemaFaults(validator, body),
    ...textsFaults(request),
    ...systemFaults(request.system, ctx.blueprints),
    ...zoneFaults(request.timeZone),
  ]);
  if (faults.length > 0) throw validationError(faults);
  return toInput(request as unknown as Request);
}

/** The shape that the schema has proved. */
interface Request {
  system: string;
  path: string;
  licenseKeys?: string[];
  dryRun?: boolean;
  onExisting?: OnExisting;
  strict?: boolean;
  timeZone?: string;
  pace?: Pace;
}

function toInput(request: Request): LegacyMigrationInput {
  return {
    system: request.system,
    path: request.path,
    root: "legacy-dir",
    licenseKeys: request.licenseKeys === undefined ? null : [...new Set(request.licenseKeys)],
    dryRun: request.dryRun ?? false,
    onExisting: request.onExisting ?? "skip",
    strict: request.strict ?? false,
    timeZone: request.timeZone ?? null,
    pace: paceOf(request),
  };
}

function textsFaults({ path, licenseKeys }: Record<string, unknown>): Fault[] {
  const faults = typeof path === "string" ? textFaults("/path", path, { maxLength: MAX_PATH }) : [];
  if (!Array.isArray(licenseKeys)) return faults;
  return licenseKeys.slice(0, MAX_KEYS).reduce<Fault[]>((all, key: unknown, index) => {
    if (typeof key === "string") {
      all.push(...textFaults(`/licenseKeys/${index}`, key, { maxLength: MAX_KEY, required: true }));
    }
    return all;
  }, faults);
}

function systemFaults(system: unknown, blueprints: BlueprintRegistry): Fault[] {
  if (typeof system !== "string") return [];
  const known = legacySystems(blueprints);
  if (known.has(system)) return [];
  const names = [...known.keys()].join(", ");
  return [
    {
      pointer: "/system",
      detail: names === "" ? "is known to no blueprint here" : `must be one of ${names}`,
    },
  ];
}

function zoneFaults(zone: unknown): Fault[] {
  if (typeof zone !== "string" || zone === "") return [];
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return [];
  } catch {
    return [{ pointer: "/timeZone", detail: "is not a time zone's IANA name, such as Europe/Moscow" }];
  }
}
