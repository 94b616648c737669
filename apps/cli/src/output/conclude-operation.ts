import { fleetFigures, isFinished, type Operation, type TenancyContext } from "@tenantry/tenancy";
import type { CommandContext } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { concludeFleet, exitOf } from "../fleet/fleet-text.ts";
import { concludeRun } from "./conclude-run.ts";
import { operationPairs } from "./license-text.ts";
import { formatPairs } from "./table.ts";

/** Prints how an operation stands after it was waited for, and says so by the exit code. */
export async function concludeOperation(
  context: CommandContext,
  ctx: TenancyContext,
  operation: Operation,
  options: { readonly oneLine?: boolean } = {},
): Promise<ExitCode> {
  if (operation.children !== undefined) return concludeRun(context, ctx, operation, options);
  const { terminal, json } = context;
  if (operation.kind === "migrate-fleet") {
    const figures = await fleetFigures(ctx, operation.id);
    if (!json || options.oneLine !== true) return concludeFleet(context, ctx, operation, figures);
    terminal.line(JSON.stringify(operation));
    return exitOf(operation, figures);
  }
  if (!json) terminal.data(formatPairs(operationPairs(operation)));
  else if (options.oneLine) terminal.line(JSON.stringify(operation));
  else terminal.json(operation);
  if (!isFinished(operation.state)) {
    terminal.note(`It isn't finished: \`tenantry operation watch ${operation.id}\` goes on.`);
  }
  return operation.state === "succeeded" ? EXIT.done : EXIT.failed;
}
