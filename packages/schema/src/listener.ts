import { EventEmitter, once } from "node:events";
import pg from "pg";

export interface ListenerOptions {
  readonly connectionString: string;
  readonly applicationName: string;
  readonly channel: string;
  readonly onNotify: (payload: string) => void;
  /** Called when the connection is lost and when it is back; what came between is lost, so callers also poll. */
  readonly onStateChange?: (connected: boolean, error?: Error) => void;
}

const RECONNECT_DELAY_MS = 500;

/**
 * A `LISTEN` that outlives lost connections. Needs a direct connection: a transaction pooler has no session to listen on.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #closing = new AbortController();
  readonly #events = new EventEmitter();
  #loop: Promise<void> | undefined;
  #connected = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Starts listening; resolves when the first connection listens, or at once in the background when none can be had. */
  async start(): Promise<void> {
    const first = once(this.#events, "attempt");
    this.#loop = this.#run();
    await first;
  }

  get connected(): boolean {
    return this.#connected;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        await this.#listenUntilLost();
      } catch (error) {
        this.#events.emit("attempt");
        this.#change(false, error instanceof Error ? error : new Error(String(error)));
      }
      await delay(RECONNECT_DELAY_MS, this.#closing.signal);
    }
  }

  async #listenUntilLost(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#options.connectionString,
      application_name: this.#options.applicationName,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    });
    const lost = Promise.withResolvers<Error | undefined>();
    client.on("error", (error) => lost.resolve(error));
    client.on("end", () => lost.resolve(undefined));
    client.on("notification", (message) => this.#options.onNotify(message.payload ?? ""));
    await client.connect();
    try {
      await client.query(`LISTEN ${pg.escapeIdentifier(this.#options.channel)}`);
      this.#change(true);
      this.#events.emit("attempt");
      const stop = (): void => lost.resolve(undefined);
      this.#closing.signal.addEventListener("abort", stop, { once: true });
      // An abort that came while it connected tells nobody any more.
      if (this.#closing.signal.aborted) stop();
      const error = await lost.promise;
      this.#change(false, error);
    } finally {
      await client.end();
    }
  }

  #change(connected: boolean, error?: Error): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    this.#options.onStateChange?.(connected, error);
  }
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done, { once: true });
  });
}
