import { changeLicense, parseChangeLicense } from "@tenantry/tenancy";
import { oneOf } from "../arguments/one-of.ts";
import { WrongUse } from "../arguments/wrong-use.ts";
import { defineLicenseChange, REASON_OPTION } from "../license-change.ts";
import { LICENSE_FIELD_OPTIONS, licenseRequestBody } from "../license-request.ts";

/** What a license can do without. */
const CLEARABLE = ["email", "phone", "company", "notes", "expiresAt"] as const;
const CLEAR_NAMES = CLEARABLE.map((field) => LICENSE_FIELD_OPTIONS[field]);

export const licenseUpdateCommand = defineLicenseChange({
  verb: "update",
  description: "Changes a license's facts. What isn't named stays as it is.",
  options: {
    client: { type: "string", value: "NAME", help: "The customer, as it should be shown" },
    email: { type: "string", value: "ADDRESS", help: "Their e-mail address" },
    phone: { type: "string", value: "NUMBER", help: "Their telephone number" },
    company: { type: "string", value: "NAME", help: "Their company" },
    "max-users": { type: "string", value: "N", help: "Users at most" },
    "max-branches": { type: "string", value: "N", help: "Branches at most" },
    expires: { type: "string", value: "TIME", help: "When it ends, such as 2030-01-31T23:59:59Z" },
    notes: { type: "string", value: "TEXT", help: "Notes for yourselves" },
    clear: { type: "string", multiple: true, value: "NAME", help: `Take away: ${CLEAR_NAMES.join(", ")}` },
    reason: REASON_OPTION,
  },
  details: ["A license whose end is cleared lasts for ever."],
  examples: [
    "tenantry license update 7QKD-M3ZT-0V5H-XA2P --max-users 25 --reason 'order 10077'",
    "tenantry license update 7QKD-M3ZT-0V5H-XA2P --clear phone --clear expires",
  ],
  body: (values) => {
    const body = licenseRequestBody(values);
    const clear = Array.isArray(values.clear) ? values.clear : [];
    for (const name of clear) {
      const option = oneOf("clear", name, CLEAR_NAMES);
      const field = CLEARABLE.find((candidate) => LICENSE_FIELD_OPTIONS[candidate] === option);
      if (field === undefined) continue;
      if (typeof body[field] === "string") {
        throw new WrongUse(`--${name} and --clear ${name} exclude each other.`, "Give one of the two.");
      }
      body[field] = null;
    }
    return values.reason === undefined ? body : { ...body, reason: values.reason };
  },
  parse: (body) => parseChangeLicense(body, new Date()),
  change: changeLicense,
});
