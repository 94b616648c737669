import { type Fault, normalizeLicenseKey } from "@tenantry/tenancy";
import Type from "typebox";

/** The query of requests that destroy what belongs to a license. */
export const ConfirmQuery = Type.Object(
  { confirm: Type.String({ maxLength: 64, description: "The license key once more" }) },
  { additionalProperties: false },
);

/** Whoever deletes says it twice: a path is soon mistyped, or filled in by a loop. */
export function confirmFaults(licenseKey: string, confirm: string): Fault[] {
  return normalizeLicenseKey(confirm) === licenseKey
    ? []
    : [{ pointer: "/confirm", detail: "must be the license key that the path names" }];
}
