import type { Validator } from "typebox/compile";
import type { Fault } from "./errors.ts";

/** What is wrong with a value by its JSON Schema: one fault for each field that is missing, unknown or wrong. */
export function schemaFaults(validator: Validator, value: unknown, root = ""): Fault[] {
  if (validator.Check(value)) return [];
  const faults: Fault[] = [];
  for (const error of validator.Errors(value)) {
    const at = root + error.instancePath;
    switch (error.keyword) {
      case "required":
        for (const field of error.params.requiredProperties) {
          faults.push({ pointer: `${at}/${escapePointer(field)}`, detail: "is required" });
        }
        break;
      case "additionalProperties":
        for (const field of error.params.additionalProperties) {
          faults.push({ pointer: `${at}/${escapePointer(field)}`, detail: "is not a known field" });
        }
        break;
      case "boolean":
        // The same unknown field again, from the inside of `additionalProperties`.
        break;
      case "enum":
        faults.push({ pointer: at, detail: `must be one of ${error.params.allowedValues.join(", ")}` });
        break;
      case "pattern":
        faults.push({ pointer: at, detail: `must match ${error.params.pattern}` });
        break;
      case "maxLength":
        faults.push({ pointer: at, detail: `must have at most ${error.params.limit} characters` });
        break;
      default:
        faults.push({ pointer: at, detail: error.message });
    }
  }
  return faults;
}

/** RFC 6901, section 3. */
function escapePointer(token: string): string {
  return token.replaceAll("~", "~0").replaceAll("/", "~1");
}
