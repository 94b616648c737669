import { hash } from "node:crypto";
import { erasedName, type StoreName } from "@tenantry/archive";

/** Where a store remembers that a license was erased, for whoever rebuilds the installation from older control data. */
export function markerOf(licenseId: string): StoreName {
  return erasedName(hash("sha256", licenseId, "hex"));
}

/** What of a marker's name is the same in SQL: `encode(sha256(id::text::bytea), 'hex')`. */
export function hashIn(name: StoreName): string {
  return name.slice("erased/".length);
}
