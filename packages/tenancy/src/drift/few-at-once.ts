/**
 * Works on what a source gives, few at once, and gives the results as they come. Holds no more than those under way, however
 * much the source has; stops asking it when the results' reader stops.
 */
export async function* fewAtOnce<T, R>(
  source: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const items = source[Symbol.asyncIterator]();
  const running = new Map<number, Promise<{ readonly id: number; readonly result: R }>>();
  let started = 0;
  let ended = false;
  try {
    for (;;) {
      while (!ended && running.size < limit) {
        const next = await items.next();
        if (next.done === true) {
          ended = true;
          break;
        }
        const id = started++;
        const under = work(next.value).then((result) => ({ id, result }));
        // It may fail while nobody waits for it yet; whoever does next hears of it.
        under.catch(() => undefined);
        running.set(id, under);
      }
      if (running.size === 0) return;
      const { id, result } = await Promise.race(running.values());
      running.delete(id);
      yield result;
    }
  } finally {
    await items.return?.();
    await Promise.allSettled(running.values());
  }
}
