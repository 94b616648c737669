import type { Pool, PoolClient } from "../pool.ts";
import { type UpgradeInput, type UpgradeOutcome, upgradeTenant } from "./upgrade.ts";

/** A connection that was so many tenants' is renewed: it has grown by what it remembers of each. */
const TENANTS_AT_MOST = 100;
/** It goes back to the pool so often, for whoever else waits there. Milliseconds. */
const HOLD_MS = 100;

/** Upgrades one tenant after the other, over a connection that it keeps for a few at a time. */
export class UpgradeLane {
  readonly #pool: Pool;
  #client: PoolClient | null = null;
  #heldSince = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** As `upgradeTenant`. */
  upgrade(input: UpgradeInput): Promise<UpgradeOutcome> {
    return upgradeTenant(this.#pool, input, (work) => this.#use(work));
  }

  close(): void {
    this.#release(false);
  }

  async #use<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    if (this.#client === null) {
      this.#client = await this.#pool.connect();
      this.#heldSince = performance.now();
    }
    const client = this.#client;
    served.set(client, (served.get(client) ?? 0) + 1);
    try {
      const result = await work(client);
      if (performance.now() - this.#heldSince > HOLD_MS) this.#release(false);
      return result;
    } catch (error) {
      // Its transaction's state is unknown: closing it ends it on the server for certain.
      this.#release(true);
      throw error;
    }
  }

  #release(broken: boolean): void {
    const client = this.#client;
    this.#client = null;
    if (client !== null) client.release(broken || (served.get(client) ?? 0) >= TENANTS_AT_MOST);
  }
}

/** How many tenants each connection has served. */
const served = new WeakMap<PoolClient, number>();
