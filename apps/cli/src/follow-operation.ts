import { getOperation, isFinished, type Operation, PAUSED_STEP, toOperation } from "@tenantry/tenancy";
import type { CommandContext } from "./command.ts";
import type { LocalInstallation } from "./local-installation.ts";
import { progressText } from "./output/progress-bar.ts";

/** A drain of a short command's worker: it has little under way. Milliseconds. */
const DRAIN_MS = 10_000;

/** Works in this process for as long as `wait` takes, so that work gets done whether `tenantry up` runs or not. */
export async function withWorker<T>(installation: LocalInstallation, wait: () => Promise<T>): Promise<T> {
  const { startWorker } = await import("@tenantry/worker");
  const worker = await startWorker(installation, {
    concurrency: installation.workerConcurrency,
    drainMs: DRAIN_MS,
  });
  try {
    return await wait();
  } finally {
    await worker.close();
  }
}

/** Works until an operation has ended, or a signal comes; returns it as it is after what was under way has drained. */
export async function workUntilEnded(
  context: CommandContext,
  installation: LocalInstallation,
  id: string,
  onChange?: (operation: Operation) => void,
): Promise<Operation> {
  await withWorker(installation, () => followOperation(context, installation, id, onChange));
  return getOperation(installation.ctx, id);
}

/** True when nothing more happens until somebody has it go on. */
function isPaused({ state, progress }: Operation): boolean {
  return state === "queued" && progress.step === PAUSED_STEP;
}

/**
 * Shows an operation's progress until it ends, is paused, or a signal comes.
 *
 * @throws TenancyError OPERATION_NOT_FOUND
 */
export async function followOperation(
  context: CommandContext,
  installation: LocalInstallation,
  id: string,
  onChange: (operation: Operation) => void = () => undefined,
): Promise<void> {
  const { terminal, shutdown } = context;
  let shown = "";
  for await (const row of installation.watch.follow(id, shutdown.signal)) {
    const operation = toOperation(row);
    const text = progressText(operation.progress, terminal.progressIsTty);
    if (text !== shown) terminal.status(text);
    shown = text;
    onChange(operation);
    if (isFinished(operation.state) || isPaused(operation)) break;
  }
  terminal.clearStatus();
}
