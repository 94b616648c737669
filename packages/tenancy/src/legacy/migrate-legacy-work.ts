import type { OperationHandler } from "../operation-work.ts";
import { moveLegacyLicense } from "./move-license.ts";
import { planLegacyRun } from "./plan-run.ts";

/** Operations of one kind: a run's own, until it is planned, and one for each license. */
export const migrateLegacyWork: OperationHandler = (ctx, work) =>
  work.operation.parent_id === null ? planLegacyRun(ctx, work) : moveLegacyLicense(ctx, work);
