import Type, { type Static } from "typebox";

/** Parameters of the routes about one license. */
export const LicenseParams = Type.Object({
  key: Type.String({ maxLength: 64, description: "The license key" }),
});
export type LicenseParams = Static<typeof LicenseParams>;
