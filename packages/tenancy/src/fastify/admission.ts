import type { LicenseWatch } from "../license-watch.ts";
import { assertUsable } from "../sign-in.ts";
import type { Standing } from "../standing.ts";
import type { TenantUser } from "../tenant-user.ts";
import { assertReady } from "../with-tenant.ts";
import { type Credentials, contradiction, unauthenticated } from "./credentials.ts";

/** What a route asks of its callers: a signed-in user, or no more than a license's key. */
export type TenantryAccess = "session" | "license-key" | false;

export interface Admission extends Standing {
  readonly user: TenantUser | null;
}

/**
 * Whether the credentials are good for the route now. All that is shown has to be good and to name the same license,
 * also what the route could do without.
 *
 * @throws TenancyError UNAUTHENTICATED; LICENSE_INACTIVE, LICENSE_SUSPENDED, LICENSE_EXPIRED; TENANT_NOT_READY; UNAVAILABLE.
 */
export async function admit(
  licenses: LicenseWatch,
  access: Exclude<TenantryAccess, false>,
  { sessionToken, licenseKey }: Credentials,
): Promise<Admission> {
  if (access === "session" && sessionToken === null) {
    throw unauthenticated("This needs a session's token.");
  }
  if (access === "license-key" && licenseKey === null) {
    throw unauthenticated("This needs a license key.", "Send the license's key as `X-License-Key`.");
  }
  const [session, keyed] = await Promise.all([
    sessionToken === null ? null : licenses.bySession(sessionToken),
    licenseKey === null ? null : licenses.byKey(licenseKey),
  ]);
  if (sessionToken !== null && session === null) throw sessionEnded();
  if (licenseKey !== null && keyed === null) {
    throw unauthenticated("The license key is unknown.", "Check the license key.");
  }
  const standing = session ?? keyed;
  if (standing === null) throw sessionEnded();
  if (session !== null && keyed !== null && session.license.id !== keyed.license.id) throw contradiction();
  assertUsable(standing.license);
  assertReady(standing.tenant);
  if (session !== null && session.user === null) throw sessionEnded();
  return { license: standing.license, tenant: standing.tenant, user: session?.user ?? null };
}

function sessionEnded(): Error {
  return unauthenticated("The session is unknown or has ended.");
}
