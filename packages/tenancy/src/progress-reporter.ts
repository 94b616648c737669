import type { Claim } from "./claim.ts";
import { recordProgress } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import type { OperationProgress } from "./operation-view.ts";

/** Where progress is shown besides the operation's row: the queue's job. */
export interface ProgressSink {
  progress(progress: OperationProgress): Promise<void>;
  log(line: string): Promise<void>;
}

/** A person can't read faster, and each write costs as much as ten of the statements that it tells about. */
const PAUSE_MS = 100;

/**
 * Passes progress on without making the work wait for it. While one write is under way, and a moment after it, newer
 * states replace each other, so a fast operation costs few writes; the last state always gets through.
 */
export class ProgressReporter {
  readonly #ctx: TenancyContext;
  readonly #claim: Claim;
  readonly #sink: ProgressSink;
  #latest: OperationProgress | undefined;
  #lines: string[] = [];
  #writing: Promise<void> | undefined;
  readonly #hurry = new AbortController();

  constructor(ctx: TenancyContext, claim: Claim, sink: ProgressSink) {
    this.#ctx = ctx;
    this.#claim = claim;
    this.#sink = sink;
  }

  report(progress: OperationProgress): void {
    this.#latest = progress;
    this.#lines.push(`${progress.percent}% ${progress.step}: ${progress.message}`);
    this.#writing ??= this.#write();
  }

  /** Waits until everything reported so far is written. */
  async settled(): Promise<void> {
    this.#hurry.abort();
    await this.#writing;
  }

  async #write(): Promise<void> {
    try {
      for (let progress = this.#take(); progress !== undefined; progress = this.#take()) {
        const lines = this.#lines.splice(0);
        await Promise.all([
          recordProgress(this.#ctx, this.#claim, progress),
          this.#sink.progress(progress),
          this.#sink.log(lines.join("\n")),
        ]);
        await pause(PAUSE_MS, this.#hurry.signal);
      }
    } catch (error) {
      // Progress is for watching: work that is going well doesn't stop because a number couldn't be shown.
      this.#ctx.log.warn({ err: error, operationId: this.#claim.operationId }, "progress not recorded");
    } finally {
      this.#writing = undefined;
    }
  }

  #take(): OperationProgress | undefined {
    const progress = this.#latest;
    this.#latest = undefined;
    return progress;
  }
}

/** Waits, but no longer than until the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
