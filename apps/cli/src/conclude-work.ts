import { announceNew } from "@tenantry/jobs";
import type { Operation, OutboxEntry, RunAnswer } from "@tenantry/tenancy";
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { workUntilEnded } from "./follow-operation.ts";
import type { LocalInstallation } from "./local-installation.ts";
import { concludeOperation } from "./output/conclude-operation.ts";

/** What a command gets back when it has asked for one operation. */
export interface AcceptedWork {
  readonly answer: RunAnswer;
  readonly entry: OutboxEntry | null;
}

/** Rings for one operation that was accepted, and works until it ends; or returns it as it was accepted. */
export async function finishWork(
  context: CommandContext,
  installation: LocalInstallation,
  { answer, entry }: AcceptedWork,
  wait: boolean,
): Promise<Operation> {
  if (entry !== null) await announceNew(installation.ctx, installation.queues, entry);
  return wait ? workUntilEnded(context, installation, answer.operation.id) : answer.operation;
}

/** As `finishWork`, and prints how it ended. An operation that nobody waited for is done when it is accepted. */
export async function concludeWork(
  context: CommandContext,
  installation: LocalInstallation,
  accepted: AcceptedWork,
  wait: boolean,
): Promise<ExitCode> {
  const operation = await finishWork(context, installation, accepted, wait);
  const exit = await concludeOperation(context, installation.ctx, operation);
  return wait ? exit : EXIT.done;
}
