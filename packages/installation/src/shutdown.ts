import type { Logger } from "pino";

/**
 * Waits for SIGINT or SIGTERM, then runs `close` and ends the process: with 0 when it drained, with 1 when it failed.
 * A second signal ends it at once; what was under way is taken over by whoever starts next.
 */
export function closeOnSignal(log: Logger, close: () => Promise<void>): void {
  let closing = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (closing) process.exit(1);
    closing = true;
    log.info({ signal }, "draining");
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "not closed cleanly");
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}
