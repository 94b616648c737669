import type { Installation } from "@tenantry/installation";
import { announceNew } from "@tenantry/jobs";
import { type Caller, type CreateLicenseAnswer, createLicense, parseCreateLicense } from "@tenantry/tenancy";

export const ADMIN_PASSWORD = "correct horse battery";

/** The body of a create-license request that is good for the `erp` blueprint. */
export function createLicenseBody(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    clientName: "Al Noor Trading",
    email: "owner@alnoor.example",
    adminUsername: "admin",
    adminPassword: ADMIN_PASSWORD,
    ...overrides,
  };
}

/** Room for what most tests add. */
const ROOM = { maxUsers: 50, maxBranches: 50 };

const CALLER: Caller = { actor: "cli:test", apiKeyId: null, idempotency: null };

/** Accepts a license without telling the queue: as if the process had died right after its commit. */
export async function acceptLicense(
  installation: Installation,
  overrides: Record<string, unknown> = {},
): Promise<CreateLicenseAnswer> {
  const input = accept(installation, overrides);
  return (await createLicense(installation.ctx, input, CALLER)).answer;
}

/** Accepts a license and rings the bell for it. */
export async function orderLicense(
  installation: Installation,
  overrides: Record<string, unknown> = {},
): Promise<CreateLicenseAnswer> {
  const input = accept(installation, overrides);
  const outcome = await createLicense(installation.ctx, input, CALLER);
  await announceNew(installation.ctx, installation.queues, outcome.entry);
  return outcome.answer;
}

function accept(installation: Installation, overrides: Record<string, unknown>) {
  const body = createLicenseBody({ ...ROOM, ...overrides });
  return parseCreateLicense(body, installation.ctx.blueprints, new Date());
}

/** The operation's row when it has ended. */
export function ended(installation: Installation, operationId: string, timeoutMs = 60_000) {
  return installation.watch.untilFinished(operationId, AbortSignal.timeout(timeoutMs));
}
