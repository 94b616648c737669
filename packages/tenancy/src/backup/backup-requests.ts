import { RESTORE_MODES, type RestoreMode } from "@tenantry/schema";
import Type, { type Static } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { type Fault, validationError } from "../errors.ts";
import { isRecord, uniqueFaults } from "../license-fields.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import { schemaFaults } from "../schema-faults.ts";
import { textFaults } from "../text-rules.ts";

/** Licenses that one request may name; all are backed up by naming none. */
export const MAX_BACKUPS = 10_000;
const MAX_KEY = 64;
/** A key that somebody chose; a schema is named after it. */
const CHOSEN_KEY = /^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/;

/** The body of `POST /v1/backups`. */
export const OrderBackupsRequest = Type.Object(
  {
    licenseKeys: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: MAX_KEY }), {
        minItems: 1,
        maxItems: MAX_BACKUPS,
        description: "Each license once. Without them: every tenant, and the control data",
      }),
    ),
  },
  { additionalProperties: false },
);

/** The body of `POST /v1/backups/{id}/restore`. */
export const RestoreRequest = Type.Object(
  {
    mode: Type.Enum([...RESTORE_MODES], {
      description: "In place of the tenant's data as it is now, or as a new license beside it",
    }),
    licenseKey: Type.Optional(
      Type.String({
        description: "Of the copy, `XXXX-XXXX-XXXX-XXXX`; made when it isn't given. Not for `replace`",
      }),
    ),
  },
  { additionalProperties: false },
);

export interface OrderBackupsInput {
  /** In the form they are stored in. Null: all, control data included. */
  readonly licenseKeys: string[] | null;
}

export interface RestoreInput {
  readonly mode: RestoreMode;
  /** Of the copy, in the form it is stored in. */
  readonly licenseKey?: string;
}

const orderValidator: Validator = Compile(OrderBackupsRequest);
const restoreValidator: Validator = Compile(RestoreRequest);

/**
 * @throws TenancyError VALIDATION_FAILED with every fault.
 */
export function parseOrderBackups(body: unknown): OrderBackupsInput {
  const keys = isRecord(body) && Array.isArray(body.licenseKeys) ? body.licenseKeys : [];
  refuse([...schemaFaults(orderValidator, body), ...keyFaults(keys)]);
  const { licenseKeys } = body as Static<typeof OrderBackupsRequest>;
  return { licenseKeys: licenseKeys?.map(normalizeLicenseKey) ?? null };
}

/**
 * @throws TenancyError VALIDATION_FAILED with every fault.
 */
export function parseRestore(body: unknown): RestoreInput {
  const { mode, licenseKey: key } = isRecord(body) ? body : {};
  refuse([
    ...schemaFaults(restoreValidator, body),
    ...(typeof key === "string" && !CHOSEN_KEY.test(normalizeLicenseKey(key))
      ? [{ pointer: "/licenseKey", detail: "must have the form XXXX-XXXX-XXXX-XXXX, letters and digits" }]
      : []),
    ...(mode === "replace" && key !== undefined
      ? [{ pointer: "/licenseKey", detail: "is for `copy` alone: a backup replaces its own tenant" }]
      : []),
  ]);
  const input = body as Static<typeof RestoreRequest>;
  return {
    mode: input.mode as RestoreMode,
    ...(input.licenseKey === undefined ? {} : { licenseKey: normalizeLicenseKey(input.licenseKey) }),
  };
}

/** A key named twice is a mistake in the list, and what else is wrong with the list can't be known. */
function keyFaults(keys: readonly unknown[]): Fault[] {
  const first = new Map<string, number>();
  return keys.slice(0, MAX_BACKUPS).flatMap((key, index) => {
    if (typeof key !== "string") return [];
    const pointer = `/licenseKeys/${index}`;
    const before = first.get(normalizeLicenseKey(key));
    if (before === undefined) first.set(normalizeLicenseKey(key), index);
    return [
      ...textFaults(pointer, key, { maxLength: MAX_KEY, required: true }),
      ...(before === undefined ? [] : [{ pointer, detail: `is the same license as /licenseKeys/${before}` }]),
    ];
  });
}

function refuse(faults: readonly Fault[]): void {
  if (faults.length > 0) throw validationError(uniqueFaults(faults));
}
