import type { Claim } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import type { LabelledOperationRow, OperationProgress } from "./operation-view.ts";

/** One claimed operation, as its handler sees it. */
export interface OperationWork {
  readonly operation: LabelledOperationRow;
  readonly claim: Claim;
  readonly report: (progress: OperationProgress) => void;
}

export type WorkResult =
  /** `last` is what the queue's job shows at the end, when it isn't `ready`. */
  | { readonly kind: "succeeded"; readonly last?: OperationProgress }
  /** It has become a run: its children do the rest, and it is no worker's any more. */
  | { readonly kind: "handed-on"; readonly last: OperationProgress }
  /** It waits until somebody has it go on. */
  | { readonly kind: "paused"; readonly last: OperationProgress }
  | { readonly kind: "canceled" }
  | { readonly kind: "superseded" };

/** Does the work of one kind. May run twice, at once, or after any crash; throws TenancyError for expected trouble. */
export type OperationHandler = (ctx: TenancyContext, work: OperationWork) => Promise<WorkResult>;
