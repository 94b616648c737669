import type { ControlDatabase } from "@tenantry/schema";
import { TenancyError } from "../errors.ts";
import { installationSecret } from "../installation-secret.ts";
import { unsealUrl } from "./sealed-url.ts";

/** How old what a process knows of an address may be, which can change while it runs. Milliseconds. */
export const ADDRESS_AGE_MS = 5_000;

/**
 * Where a placement is to be reached, password included: for whoever opens its connections, and nobody else.
 *
 * @throws TenancyError PLACEMENT_NOT_FOUND; PLACEMENT_UNAVAILABLE when its address was sealed by another installation.
 */
export async function placementUrl(control: ControlDatabase, name: string): Promise<string> {
  const row = await control
    .selectFrom("placements")
    .select("url")
    .where("name", "=", name)
    .executeTakeFirst();
  if (row === undefined || row.url === null) throw placementNotFound(name);
  try {
    // Read anew: an installation that is rebuilt takes on its old secret.
    return unsealUrl({ secret: await installationSecret(control) }, name, row.url);
  } catch (error) {
    throw new TenancyError(
      "PLACEMENT_UNAVAILABLE",
      `The stored address of placement ${name} can't be read.`,
      {
        cause: error,
      },
    );
  }
}

export function placementNotFound(name: string): TenancyError {
  return new TenancyError("PLACEMENT_NOT_FOUND", `There is no placement ${JSON.stringify(name)}.`);
}
