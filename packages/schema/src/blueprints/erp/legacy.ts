import type { LegacySystem } from "../../legacy/legacy-system.ts";
import { findLicenses } from "./legacy/find-licenses.ts";
import { mapping } from "./legacy/mapping.ts";

/** The old ERP, "ded": a master of licenses, and a file for each license that was ever signed in to. */
export const ded: LegacySystem = {
  name: "ded",
  // The application writes UTC and doesn't say so.
  timeZone: "UTC",
  findLicenses,
  mapping,
};
