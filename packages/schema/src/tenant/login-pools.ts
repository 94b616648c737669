import { createPool, type Pool, type PoolClient, type PoolOptions } from "../pool.ts";
import { sqlState } from "../sqlstate.ts";
import { Turns } from "./turns.ts";

export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface LoginPoolsOptions extends Omit<PoolOptions, "max" | "connectionString"> {
  /** The server and database; its user and password are each login's own. */
  readonly serverUrl: string;
  /** Connections open at once, all logins together. */
  readonly budget: number;
  /** Connections open at once for one login. */
  readonly perLogin: number;
}

interface Entry {
  readonly pool: Pool;
  /** Uses that have begun and not ended. */
  users: number;
  /** Uses that were promised an idle connection and don't have it yet. */
  waiting: number;
}

/** The server doesn't know the login, or not with this password. */
export class LoginRefusedError extends Error {
  override readonly name = "LoginRefusedError";
}

/** How long a use waits for its turn, in milliseconds. */
const TURN_TIMEOUT_MS = 5_000;

/**
 * Connections as many logins, under one budget: when it is spent, an idle connection of the login that was used longest
 * ago makes room. `pg.Pool` holds connections of one login only, and doesn't know of the others.
 */
export class LoginPools {
  readonly #options: LoginPoolsOptions;
  readonly #turns: Turns;
  /** Oldest use first. */
  readonly #entries = new Map<string, Entry>();

  constructor(options: LoginPoolsOptions) {
    this.#options = options;
    this.#turns = new Turns(options.budget, TURN_TIMEOUT_MS);
  }

  /**
   * Runs `work` on one connection of a login. A connection whose work failed is closed: only that ends whatever it was
   * in for certain.
   *
   * @throws PoolBusyError, LoginRefusedError, the driver's error when it can't connect, and what `work` throws.
   */
  async use<T>(login: Login, work: (client: PoolClient) => Promise<T>): Promise<T> {
    await this.#turns.take();
    const entry = this.#entry(login);
    entry.users += 1;
    let client: PoolClient | undefined;
    let failed = true;
    try {
      client = await this.#connect(entry);
      const result = await work(client);
      failed = false;
      return result;
    } finally {
      client?.release(failed);
      entry.users -= 1;
      this.#forget(login.user, entry);
      this.#turns.giveBack();
    }
  }

  /** Connections open now. */
  get open(): number {
    return [...this.#entries.values()].reduce((sum, { pool }) => sum + pool.totalCount, 0);
  }

  /** Closes a login's idle connections, and those in use as soon as they are given back. */
  async drop(user: string): Promise<void> {
    const entry = this.#entries.get(user);
    this.#entries.delete(user);
    await entry?.pool.end();
  }

  async end(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(({ pool }) => pool.end()));
  }

  #entry(login: Login): Entry {
    const entry = this.#entries.get(login.user) ?? { pool: this.#createPool(login), users: 0, waiting: 0 };
    // Moves to the end of the map's order: this login is now the one used last.
    this.#entries.delete(login.user);
    this.#entries.set(login.user, entry);
    return entry;
  }

  async #connect(entry: Entry): Promise<PoolClient> {
    if (entry.pool.idleCount <= entry.waiting) {
      // A pool that has all it may have opens no more, and needs no room.
      const opens = entry.pool.totalCount < entry.pool.options.max;
      if (opens && this.open >= this.#options.budget) await this.#makeRoom(entry);
      return entry.pool.connect().catch(explainRefusal);
    }
    entry.waiting += 1;
    try {
      return await entry.pool.connect();
    } finally {
      entry.waiting -= 1;
    }
  }

  /** Closes the idle connection of another login. There is one: not more than `budget` are in use, we among them. */
  async #makeRoom(entry: Entry): Promise<void> {
    for (const other of this.#entries.values()) {
      if (other === entry || other.pool.idleCount <= other.waiting) continue;
      other.waiting += 1;
      try {
        const idle = await other.pool.connect();
        idle.release(true);
      } finally {
        other.waiting -= 1;
      }
      return;
    }
  }

  /** A pool without connections holds nothing that is worth keeping. */
  #forget(user: string, entry: Entry): void {
    if (entry.users === 0 && entry.pool.totalCount === 0 && this.#entries.get(user) === entry) {
      this.#entries.delete(user);
    }
  }

  #createPool(login: Login): Pool {
    const { serverUrl, budget, perLogin, ...options } = this.#options;
    const url = new URL(serverUrl);
    url.username = encodeURIComponent(login.user);
    url.password = encodeURIComponent(login.password);
    const pool = createPool({ ...options, connectionString: url.href, max: Math.min(perLogin, budget) });
    pool.on("remove", () => {
      const entry = this.#entries.get(login.user);
      if (entry?.pool === pool) this.#forget(login.user, entry);
    });
    return pool;
  }
}

/** Class 28 is "invalid authorization specification"; a pooler says 08P01, "protocol violation", for the same. */
function explainRefusal(error: unknown): never {
  const state = sqlState(error) ?? "";
  if (!state.startsWith("28") && state !== "08P01") throw error;
  throw new LoginRefusedError("the login was refused", { cause: error });
}
