const LOOK_MS = 500;

/**
 * Calls `onGone` when the npm that started this process has ended. npm passes a SIGTERM on to a shell, and the shell dies
 * of it without telling us: without this the whole installation would stay behind with nobody's terminal.
 * Does nothing for a process that npm didn't start. Returns what stops the watch.
 */
export function watchParent(
  environment: Readonly<Record<string, string | undefined>>,
  onGone: () => void,
): () => void {
  if (environment.npm_lifecycle_event === undefined) return () => undefined;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
