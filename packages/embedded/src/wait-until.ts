import { setTimeout as delay } from "node:timers/promises";

/**
 * Asks again and again until the answer is not undefined; undefined when `timeoutMs` have passed without one.
 * For things that no event tells of: another process's file, lock or end.
 */
export async function waitUntil<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  timeoutMs: number,
  intervalMs = 20,
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() >= deadline) return undefined;
    await delay(intervalMs);
  }
}
