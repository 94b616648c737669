import type { Logger } from "pino";

/**
 * Calls to the queue that an answer doesn't wait for: what was accepted is in PostgreSQL, and the queue may be slow or
 * away. A shutdown waits for them.
 */
export class Announcements {
  readonly #log: Logger;
  readonly #pending = new Set<Promise<void>>();

  constructor(log: Logger) {
    this.#log = log;
  }

  start(operationId: string, announce: () => Promise<void>): void {
    const pending = announce()
      .catch((error: unknown) =>
        this.#log.warn({ err: error, operationId }, "not announced, the dispatcher will enqueue it"),
      )
      .finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }
}
