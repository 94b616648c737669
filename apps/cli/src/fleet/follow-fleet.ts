import { fleetFigures, getOperation, isFinished, PAUSED_STEP, toOperation } from "@tenantry/tenancy";
import type { CommandContext } from "../command.ts";
import type { ExitCode } from "../exit-code.ts";
import { withWorker } from "../follow-operation.ts";
import type { LocalInstallation } from "../local-installation.ts";
import { progressText } from "../output/progress-bar.ts";
import { concludeFleet } from "./fleet-text.ts";

/** Works until a run has ended or is paused, or a signal comes, and prints how it stands. */
export async function seeFleetThrough(
  context: CommandContext,
  installation: LocalInstallation,
  id: string,
): Promise<ExitCode> {
  const { terminal, shutdown } = context;
  const { ctx, watch } = installation;
  await withWorker(installation, async () => {
    let shown = "";
    for await (const row of watch.follow(id, shutdown.signal)) {
      const { progress, state } = toOperation(row);
      const text = progressText(progress, terminal.progressIsTty);
      if (text !== shown) terminal.status(text);
      shown = text;
      if (isFinished(state) || (state === "queued" && progress.step === PAUSED_STEP)) break;
    }
    terminal.clearStatus();
  });
  return concludeFleet(context, ctx, await getOperation(ctx, id), await fleetFigures(ctx, id));
}
