import type { Logger } from "pino";

/** npm, and whoever else stands between, pass a Ctrl-C on that the terminal has sent us already: that is one wish. */
const SAME_WISH_MS = 500;

/**
 * Waits for SIGINT or SIGTERM, then runs `close` and ends the process: with 0 when it drained, with 1 when it failed.
 * A second signal ends it at once; what was under way is taken over by whoever starts next.
 */
export function closeOnSignal(log: Logger, close: () => Promise<void>): void {
  let closingSince: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (closingSince !== undefined) {
      if (performance.now() - closingSince > SAME_WISH_MS) process.exit(1);
      return;
    }
    closingSince = performance.now();
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
