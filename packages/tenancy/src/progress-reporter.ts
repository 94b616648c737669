import { type Claim, recordProgress } from "./claim.ts";
import type { TenancyContext } from "./context.ts";
import type { OperationProgress } from "./operation-view.ts";

/** Where progress is shown besides the operation's row: the queue's job. */
export interface ProgressSink {
  progress(progress: OperationProgress): Promise<void>;
  log(lines: string): Promise<void>;
}

/**
 * Waits between writes grow from the first to the longest. A person can't read faster, and a write costs a commit on two
 * connections: shown step by step, a tenant that takes a tenth of a second would take half as much again.
 */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Passes progress on without making the work wait for it. Newer states replace each other until the next write, so a
 * fast operation costs few writes or none; the job's log gets every line.
 */
export class ProgressReporter {
  readonly #ctx: TenancyContext;
  readonly #claim: Claim;
  readonly #sink: ProgressSink;
  readonly #ended = new AbortController();
  #latest: OperationProgress | undefined;
  #lines: string[] = [];
  #pauseMs = FIRST_PAUSE_MS;
  #writing: Promise<void> | undefined;

  constructor(ctx: TenancyContext, claim: Claim, sink: ProgressSink) {
    this.#ctx = ctx;
    this.#claim = claim;
    this.#sink = sink;
  }

  report(progress: OperationProgress): void {
    this.#latest = progress;
    this.#lines.push(line(progress));
    this.#writing ??= this.#write();
  }

  /** Shows in the queue what isn't shown there yet. The operation's row says by itself how it ended. */
  async end(last?: OperationProgress): Promise<void> {
    this.#ended.abort();
    await this.#writing;
    if (last !== undefined) this.#lines.push(line(last));
    await this.#attempt([
      ...(last === undefined ? [] : [this.#sink.progress(last)]),
      ...(this.#lines.length === 0 ? [] : [this.#sink.log(this.#lines.join("\n"))]),
    ]);
  }

  async #write(): Promise<void> {
    for (;;) {
      await pause(this.#pauseMs, this.#ended.signal);
      const progress = this.#latest;
      if (this.#ended.signal.aborted || progress === undefined) break;
      this.#latest = undefined;
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
      await this.#attempt([
        recordProgress(this.#ctx, this.#claim, progress),
        this.#sink.progress(progress),
        this.#sink.log(this.#lines.splice(0).join("\n")),
      ]);
    }
    this.#writing = undefined;
  }

  /** Progress is for watching: work that is going well doesn't stop because a number couldn't be shown. */
  async #attempt(writes: readonly Promise<void>[]): Promise<void> {
    for (const outcome of await Promise.allSettled(writes)) {
      if (outcome.status === "fulfilled") continue;
      this.#ctx.log.warn(
        { err: outcome.reason, operationId: this.#claim.operationId },
        "progress not recorded",
      );
    }
  }
}

function line(progress: OperationProgress): string {
  return `${progress.percent}% ${progress.step}: ${progress.message}`;
}

/** Waits, but no longer than until the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done, { once: true });
  });
}
