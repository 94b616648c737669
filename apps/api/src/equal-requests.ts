import type { Caller } from "@tenantry/tenancy";

/**
 * Has requests under one idempotency key wait for each other, where the work before their commit is too dear to be done
 * by each: all but the first then find the answer. Only within this process; between processes the commit decides.
 */
export class EqualRequests {
  readonly #last = new Map<string, Promise<unknown>>();

  async inTurn<T>({ apiKeyId, idempotency }: Caller, work: () => Promise<T>): Promise<T> {
    if (idempotency === null) return work();
    const key = `${apiKeyId} ${idempotency.key}`;
    const mine = (this.#last.get(key) ?? Promise.resolve()).then(work, work);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
