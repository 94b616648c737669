import { EventEmitter } from "node:events";
import { Listener, type OperationState } from "@tenantry/schema";
import type { TenancyContext } from "./context.ts";
import { isFinished } from "./operation-state.ts";
import type { LabelledOperationRow } from "./operation-view.ts";
import { getOperationRow } from "./operations.ts";

/** A notification can be lost with its connection: then this is how late a change is seen. Milliseconds. */
const POLL_MS = 1_000;

/**
 * Tells when operations change. PostgreSQL's NOTIFY wakes it, a slow poll lies beneath; the queue's own events are not
 * used, for they skip some under load.
 */
export class OperationWatch {
  readonly #ctx: TenancyContext;
  readonly #listener: Listener;
  readonly #changes = new EventEmitter().setMaxListeners(0);

  constructor(ctx: TenancyContext, connection: { connectionString: string; applicationName: string }) {
    this.#ctx = ctx;
    this.#listener = new Listener({
      ...connection,
      channel: "tenantry_operation",
      onNotify: (payload) => {
        const [operationId = "", state] = payload.split(" ");
        this.#changes.emit(operationId, state);
      },
      onStateChange: (connected, error) =>
        ctx.log.info({ connected, err: error }, "listening for operations"),
    });
  }

  async start(): Promise<void> {
    await this.#listener.start();
  }

  async close(): Promise<void> {
    await this.#listener.close();
  }

  /**
   * The operation's row each time it has changed, the present one first; ends after the one that is finished, or when
   * the signal aborts.
   *
   * @throws TenancyError OPERATION_NOT_FOUND
   */
  follow(operationId: string, signal: AbortSignal): AsyncGenerator<LabelledOperationRow> {
    return this.#follow(operationId, signal, () => true);
  }

  async *#follow(
    operationId: string,
    signal: AbortSignal,
    isOfInterest: (state: OperationState) => boolean,
  ): AsyncGenerator<LabelledOperationRow> {
    let revision = -1;
    while (!signal.aborted) {
      // Armed before the row is read: a change between the two must not be missed.
      const changed = this.#nextChange(operationId, signal, isOfInterest);
      try {
        const row = await getOperationRow(this.#ctx, operationId);
        if (row.revision !== revision) {
          revision = row.revision;
          yield row;
        }
        if (isFinished(row.state)) return;
        await changed.promise;
      } finally {
        changed.cancel();
      }
    }
  }

  /**
   * Waits for the operation's end, at most until the signal aborts; returns the row as it is then.
   *
   * @throws TenancyError OPERATION_NOT_FOUND
   */
  async untilFinished(operationId: string, signal: AbortSignal): Promise<LabelledOperationRow> {
    let latest: LabelledOperationRow | undefined;
    // Whoever waits for the end isn't woken by every step on the way.
    for await (const row of this.#follow(operationId, signal, isFinished)) latest = row;
    return latest ?? (await getOperationRow(this.#ctx, operationId));
  }

  #nextChange(
    operationId: string,
    signal: AbortSignal,
    isOfInterest: (state: OperationState) => boolean,
  ): { promise: Promise<void>; cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, POLL_MS);
    const onAbort = (): void => resolve();
    const wake = (state: OperationState): void => {
      if (isOfInterest(state)) resolve();
    };
    this.#changes.on(operationId, wake);
    signal.addEventListener("abort", onAbort, { once: true });
    return {
      promise,
      cancel: () => {
        clearTimeout(timer);
        this.#changes.off(operationId, wake);
        signal.removeEventListener("abort", onAbort);
      },
    };
  }
}
