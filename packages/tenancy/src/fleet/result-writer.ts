import { setTimeout as wait } from "node:timers/promises";
import { isTransient } from "@tenantry/schema";
import type { Claim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import { type ItemResult, storeResults, type Wanted } from "./fleet-items.ts";

/** Results written at once; a page of tenants makes a few of these. */
const AT_ONCE = 100;
/** Results, and the wish to stop, are looked after so often at least. Milliseconds. */
const BEAT_MS = 250;
const TRIES = 3;

/**
 * Writes results while the work goes on, many in one statement, and learns by the way whether the run is still wanted. It
 * owns its timer: `close` writes what is left.
 */
export class ResultWriter {
  readonly #ctx: TenancyContext;
  readonly #claim: Claim;
  readonly #onLook: (wanted: Wanted) => void;
  readonly #timer: NodeJS.Timeout;
  #waiting: ItemResult[] = [];
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;

  /** @param onLook told after each write what is wanted of the run now */
  constructor(ctx: TenancyContext, claim: Claim, onLook: (wanted: Wanted) => void) {
    this.#ctx = ctx;
    this.#claim = claim;
    this.#onLook = onLook;
    this.#timer = setInterval(() => this.#write(), BEAT_MS);
  }

  add(result: ItemResult): void {
    this.#waiting.push(result);
    if (this.#waiting.length >= AT_ONCE) this.#write();
  }

  /**
   * Waits until all that was added is written.
   *
   * @throws what kept it from being written.
   */
  async drain(): Promise<void> {
    this.#write();
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
  }

  /** True when results can't be written: whoever works should stop. */
  get isBroken(): boolean {
    return this.#failure !== undefined;
  }

  #write(): void {
    this.#writing = this.#writing.then(async () => {
      if (this.#failure !== undefined) return;
      const results = this.#waiting.splice(0);
      try {
        this.#onLook(await this.#store(results));
      } catch (error) {
        this.#failure = error;
      }
    });
  }

  async #store(results: readonly ItemResult[]): Promise<Wanted> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await storeResults(this.#ctx, this.#claim, results);
      } catch (error) {
        if (tries === TRIES || !isTransient(error)) throw error;
        await wait(Math.random() * 200 * tries);
      }
    }
  }
}
