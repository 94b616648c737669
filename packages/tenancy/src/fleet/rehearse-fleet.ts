import type { TenancyContext } from "../context.ts";
import { type DryRun, dryRunUpgrade } from "../drift/dry-run-upgrade.ts";
import type { OperationWork, WorkResult } from "../operation-work.ts";
import { succeed } from "../succeed-operation.ts";
import type { FleetRun } from "./load-run.ts";

/** What a dry run that has ended says. */
export interface FleetRehearsalResult extends DryRun {
  readonly dryRun: true;
  readonly blueprint: string;
  readonly version: string;
}

/** Runs the upgrade of a sample of tenants, each in a transaction that is rolled back, and upgrades nobody. */
export async function rehearseFleet(
  ctx: TenancyContext,
  work: OperationWork,
  run: FleetRun,
): Promise<WorkResult> {
  const { blueprint, version } = run;
  const named = run.input.licenseKeys;
  let done = 0;
  const dryRun = await dryRunUpgrade(
    ctx,
    { blueprint, ...(named === null ? {} : { licenseKeys: named }) },
    ({ licenseKey }) => {
      done += 1;
      work.report({ percent: 50, step: "dry run", message: `Tried ${licenseKey}`, done, total: 0 });
    },
  );
  const failed = dryRun.sums.reduce((sum, { tenants }) => sum + tenants.failed + tenants.notPossible, 0);
  const last = {
    percent: 100,
    step: "tried",
    message: `${done - failed} of ${done} tenants could be brought to ${version}; nothing was changed`,
    done,
    total: done,
  };
  const result: FleetRehearsalResult = { dryRun: true, blueprint, version, ...dryRun };
  return succeed(ctx, work, { last, result }, async () => undefined);
}
