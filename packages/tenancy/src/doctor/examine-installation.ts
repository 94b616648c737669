import type { TenancyContext } from "../context.ts";
import type { Caller } from "../idempotency.ts";
import { checkBlueprints, checkControlSchema, checkFleet } from "./check-fleet.ts";
import { type Announce, checkDeadWorkers, checkFailed, checkWaiting } from "./check-operations.ts";
import { checkPlacements } from "./check-placements.ts";
import type { Finding } from "./finding.ts";

/** Looks an installation over, without its queue, which this package doesn't know. Costs little, however many tenants there are. */
export async function examineInstallation(
  ctx: TenancyContext,
  input: { readonly caller: Caller; readonly announce: Announce },
): Promise<Finding[]> {
  return [
    await checkControlSchema(ctx),
    await checkWaiting(ctx),
    ...(await checkDeadWorkers(ctx, input.announce)),
    ...(await checkFailed(ctx, input.caller, input.announce)),
    ...checkBlueprints(ctx),
    ...(await checkFleet(ctx)),
    ...(await checkPlacements(ctx)),
  ];
}
