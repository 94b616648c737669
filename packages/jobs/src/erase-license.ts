import {
  type Caller,
  eraseLicense,
  normalizeLicenseKey,
  operationsOfLicense,
  type TenancyContext,
} from "@tenantry/tenancy";
import { hasJobs } from "./catalogue.ts";
import type { OperationQueues } from "./operation-queues.ts";

/**
 * `eraseLicense`, and what the queue still tells of the client: finished jobs stay on it for days, with the client's name.
 * May be broken off at any moment and asked for again.
 *
 * @throws what `eraseLicense` throws; QueueUnavailableError.
 */
export async function eraseLicenseAndJobs(
  ctx: TenancyContext,
  queues: OperationQueues,
  input: { readonly licenseKey: string },
  caller: Caller,
): Promise<void> {
  const licenseKey = normalizeLicenseKey(input.licenseKey);
  await eraseLicense(ctx, { licenseKey }, caller);
  for (const { id, kind } of await operationsOfLicense(ctx, licenseKey)) {
    if (hasJobs(kind)) await queues.discard(kind, id);
  }
}
