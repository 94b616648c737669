import { isConnectionLoss } from "@tenantry/schema";
import type { Placement, TenancyContext } from "../context.ts";
import { REMEDIES, TenancyError } from "../errors.ts";
import { placementOf } from "../placement.ts";
import { type Finding, problem } from "./finding.ts";

export type Reached =
  | { readonly placement: Placement; readonly lost: null }
  | { readonly placement: null; readonly lost: Finding };

/** A server that is to be looked at, or that it can't be: the doctor is asked on days when one is gone. */
export async function reachPlacement(ctx: TenancyContext, name: string): Promise<Reached> {
  try {
    const placement = await placementOf(ctx, { placement: name });
    await placement.provisioning.query("SELECT");
    return { placement, lost: null };
  } catch (error) {
    if (error instanceof TenancyError) {
      return { placement: null, lost: problem("placement", error.message, error.hint) };
    }
    if (!isConnectionLoss(error)) throw error;
    const detail = `Placement ${name} can't be reached`;
    return { placement: null, lost: problem("placement", detail, REMEDIES.PLACEMENT_UNAVAILABLE) };
  }
}
