import { setTimeout as wait } from "node:timers/promises";
import {
  getOperation,
  isFinished,
  type LegacyItem,
  type LegacyRunFigures,
  legacyRunFigures,
  listLegacyItems,
  type Operation,
  printable,
} from "@tenantry/tenancy";
import type { CommandContext } from "../command.ts";
import { eachOf } from "../each-of.ts";
import { withWorker } from "../follow-operation.ts";
import type { LocalInstallation } from "../local-installation.ts";
import { progressText } from "../output/progress-bar.ts";
import { progressLine } from "./figures-text.ts";
import { itemSays } from "./item-tables.ts";

/** How often it is looked at. Milliseconds. */
const LOOK_MS = 500;
/** Where a line can't be redrawn, there is another after so long. Milliseconds. */
const NEXT_LINE_MS = 5_000;

/**
 * Works on a legacy migration until it has ended or a signal comes, and shows how far it is. Returns the operation as it
 * is after what was under way has drained.
 *
 * @param onPlanned Called once, when the plan is there.
 */
export async function workUntilMoved(
  context: CommandContext,
  installation: LocalInstallation,
  runId: string,
  onPlanned: () => Promise<void>,
): Promise<Operation> {
  const { ctx, watch } = installation;
  const ended = new AbortController();
  await withWorker(installation, () =>
    Promise.all([
      watch.untilFinished(runId, context.shutdown.signal).finally(() => ended.abort()),
      showProgress(context, installation, runId, ended.signal, onPlanned),
    ]),
  );
  context.terminal.clearStatus();
  return getOperation(ctx, runId);
}

async function showProgress(
  context: CommandContext,
  { ctx }: LocalInstallation,
  runId: string,
  ended: AbortSignal,
  onPlanned: () => Promise<void>,
): Promise<void> {
  const { terminal, shutdown } = context;
  const told = new Set<string>();
  let planned = false;
  let shown = { text: "", at: 0 };
  for (let last = false; !last && !shutdown.signal.aborted; ) {
    // What is true after the end is shown too, once.
    last = ended.aborted;
    const operation = await getOperation(ctx, runId);
    const figures = await legacyRunFigures(ctx, runId);
    if (!planned && isPlanned(operation)) {
      planned = true;
      await onPlanned();
    }
    if (figures.licenses.failed > told.size) {
      const failed = eachOf((page) => listLegacyItems(ctx, runId, { state: "failed" }, page));
      for await (const item of failed) tellFailure(context, item, told);
    }
    const text = progressOf(operation, figures, terminal.progressIsTty);
    const isDue = terminal.progressIsTty || last || Date.now() - shown.at >= NEXT_LINE_MS;
    if (isDue && text !== shown.text) {
      terminal.status(text);
      shown = { text, at: Date.now() };
    }
    const signal = AbortSignal.any([ended, shutdown.signal]);
    if (!last) await wait(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** True when there are licenses to show: the run has its children, or was only to be planned. */
function isPlanned({ state, children }: Operation): boolean {
  return children !== undefined || isFinished(state);
}

function progressOf(operation: Operation, figures: LegacyRunFigures, bar: boolean): string {
  return operation.children === undefined
    ? progressText(operation.progress, bar)
    : progressLine(figures, bar);
}

function tellFailure({ terminal }: CommandContext, item: LegacyItem, told: Set<string>): void {
  if (told.has(item.id)) return;
  told.add(item.id);
  terminal.note(`${printable(item.licenseKey ?? item.name)}: ${printable(itemSays(item))}`);
}
