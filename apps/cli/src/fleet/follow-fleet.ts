import { fleetFigures } from "@tenantry/tenancy";
import type { CommandContext } from "../command.ts";
import type { ExitCode } from "../exit-code.ts";
import { workUntilEnded } from "../follow-operation.ts";
import type { LocalInstallation } from "../local-installation.ts";
import { concludeFleet } from "./fleet-text.ts";

/** Works until a run has ended or is paused, or a signal comes, and prints how it stands. */
export async function seeFleetThrough(
  context: CommandContext,
  installation: LocalInstallation,
  id: string,
): Promise<ExitCode> {
  const run = await workUntilEnded(context, installation, id);
  return concludeFleet(context, installation.ctx, run, await fleetFigures(installation.ctx, id));
}
