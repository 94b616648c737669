import type { FastifyReply } from "fastify";

export interface LongRequest {
  /** Aborts when the client has gone away, the time is up, or the server closes. */
  readonly signal: AbortSignal;
  /** To be called when the request is over, however it ended. */
  readonly end: () => void;
}

/** The requests that wait for something: they would hold up a shutdown, and mustn't outlive their client. */
export class LongRequests {
  readonly #open = new Set<AbortController>();
  #closing = false;

  get closing(): boolean {
    return this.#closing;
  }

  begin(reply: FastifyReply, limitMs?: number): LongRequest {
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    const timer = limitMs === undefined ? undefined : setTimeout(abort, limitMs);
    reply.raw.once("close", abort);
    this.#open.add(controller);
    if (this.#closing || reply.raw.destroyed) abort();
    return {
      signal: controller.signal,
      end: () => {
        clearTimeout(timer);
        reply.raw.off("close", abort);
        this.#open.delete(controller);
      },
    };
  }

  /** Ends those that are open, and at once those that still come. */
  close(): void {
    this.#closing = true;
    for (const controller of this.#open) controller.abort();
  }
}
