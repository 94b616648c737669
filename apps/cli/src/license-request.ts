import type { Fault } from "@tenantry/tenancy";
import { WrongUse } from "./arguments/wrong-use.ts";

/** The options of `license create`, by the field of the request that each one fills. */
export const LICENSE_FIELD_OPTIONS = {
  clientName: "client",
  email: "email",
  phone: "phone",
  company: "company",
  adminUsername: "admin",
  licenseType: "type",
  maxUsers: "max-users",
  maxBranches: "max-branches",
  durationDays: "days",
  expiresAt: "expires",
  blueprint: "blueprint",
  notes: "notes",
} as const;

const NUMBERS = new Set(["maxUsers", "maxBranches", "durationDays"]);

/**
 * The request's body, as it would come over HTTP, from the options' values.
 *
 * @throws WrongUse for a --param that is no NAME=VALUE.
 */
export function licenseRequestBody(
  values: Readonly<Record<string, boolean | string | readonly string[] | undefined>>,
): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const [field, option] of Object.entries(LICENSE_FIELD_OPTIONS)) {
    const value = values[option];
    if (typeof value !== "string") continue;
    body[field] = NUMBERS.has(field) ? numberOrText(value) : value;
  }
  const parameters = values.param;
  if (Array.isArray(parameters) && parameters.length > 0) body.parameters = readParameters(parameters);
  return body;
}

/** A number; what is none is left as it is, for the request's own rules to refuse. */
export function numberOrText(value: string): number | string {
  return /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
}

/**
 * Parameters by name, from the values of `--param`.
 *
 * @throws WrongUse for one that is no NAME=VALUE.
 */
export function readParameters(texts: readonly string[]): Record<string, unknown> {
  const bad = texts.filter((text) => text.indexOf("=") < 1);
  if (bad.length > 0) {
    throw new WrongUse(
      "A parameter must be NAME=VALUE.",
      "For example: --param adminTelegramId=123456789",
      bad.map((text) => `--param ${text}`),
    );
  }
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      return [text.slice(0, at), jsonOrText(text.slice(at + 1))];
    }),
  );
}

/** `42`, `true` and `"42"` mean what they mean in JSON; what is no JSON is a text. */
function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A fault of the request, told by the name of the option that it came from. */
export function optionFault({ pointer, detail }: Fault): string {
  const [field = "", ...rest] = pointer.slice(1).split("/");
  const said = detail.replace(
    /\b(durationDays|expiresAt|adminUsername)\b/g,
    (name) => `--${LICENSE_FIELD_OPTIONS[name as keyof typeof LICENSE_FIELD_OPTIONS]}`,
  );
  if (field === "adminPassword") return `the administrator's password ${said}`;
  if (field === "parameters") return `--param ${rest.join("/") || "NAME=VALUE"} ${said}`;
  const option = (LICENSE_FIELD_OPTIONS as Readonly<Record<string, string>>)[field];
  return `${option === undefined ? pointer : `--${option}`} ${said}`;
}
