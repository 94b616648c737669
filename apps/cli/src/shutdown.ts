/** A signal asked the command to stop. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** Something that must not outlive the process, stopped in a hurry: without draining. */
export type ForcedStop = () => Promise<void>;

/** The part of `process` that this is about. */
export type SignalSource = Pick<NodeJS.Process, "on" | "exit">;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/**
 * npm and the launcher pass signals on to a child that the terminal has sent them to already: what comes so soon after
 * the first is the same wish. Milliseconds.
 */
const SAME_WISH_MS = 500;

/**
 * Turns signals into an orderly end. The first aborts `signal`: whoever works drains and closes. A second ends the
 * process at once, but not before what would be left behind is stopped; a third doesn't wait for that either.
 */
export class Shutdown {
  readonly #controller = new AbortController();
  readonly #forced = new Set<ForcedStop>();
  readonly #process: SignalSource;
  readonly #note: (message: string) => void;
  #firstAt: number | undefined;
  #ending = false;

  constructor(process: SignalSource, note: (message: string) => void) {
    this.#process = process;
    this.#note = note;
    for (const name of SIGNALS) process.on(name, () => this.#onSignal(name));
    process.on("uncaughtException", (error) => {
      note(`A defect: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      this.#end();
    });
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * @throws Interrupted when a signal has come.
   */
  throwIfAsked(): void {
    this.signal.throwIfAborted();
  }

  /** Resolves when the first signal comes. */
  async asked(): Promise<void> {
    if (this.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.signal.addEventListener("abort", () => resolve(), { once: true });
    // Nothing else may be left that keeps the process alive; this does, until the signal.
    const alive = setInterval(() => undefined, 3_600_000);
    await promise;
    clearInterval(alive);
  }

  /** The orderly end, for another reason than a signal. */
  request(reason: string): void {
    if (this.#firstAt !== undefined) return;
    this.#firstAt = Date.now();
    this.#note(`Stopping: ${reason}`);
    this.#controller.abort(new Interrupted(reason));
  }

  /** Has `stop` run before a hurried end. Returns what takes it back, for when it was stopped in good order. */
  stopEvenInAHurry(stop: ForcedStop): () => void {
    this.#forced.add(stop);
    return () => this.#forced.delete(stop);
  }

  #onSignal(name: NodeJS.Signals): void {
    const now = Date.now();
    if (this.#firstAt === undefined) {
      this.#firstAt = now;
      this.#note("Stopping; once more ends it at once.");
      this.#controller.abort(new Interrupted(`Interrupted by ${name}.`));
    } else if (now - this.#firstAt > SAME_WISH_MS) {
      this.#end();
    }
  }

  #end(): void {
    const waiting = this.#ending;
    this.#ending = true;
    if (waiting) this.#process.exit(1);
    else Promise.allSettled([...this.#forced].map((stop) => stop())).then(() => this.#process.exit(1));
  }
}
