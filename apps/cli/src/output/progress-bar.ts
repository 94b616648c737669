import { type OperationProgress, printable } from "@tenantry/tenancy";

const BAR_CELLS = 20;

/** An operation's progress as one line. */
export function progressText(progress: OperationProgress, bar: boolean): string {
  const filled = Math.round((progress.percent / 100) * BAR_CELLS);
  const percent = `${String(progress.percent).padStart(3)}%`;
  const count = progress.total > 0 ? ` (${progress.done} of ${progress.total})` : "";
  const message = progress.message === "" ? "" : `: ${printable(progress.message)}`;
  const text = `${percent}  ${printable(progress.step)}${message}${count}`;
  return bar ? `[${"#".repeat(filled)}${".".repeat(BAR_CELLS - filled)}] ${text}` : text;
}
