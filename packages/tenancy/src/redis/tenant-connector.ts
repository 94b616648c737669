import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { AbstractConnector, type RedisOptions } from "ioredis";

/** How long a connection that was ended may take to close, as in ioredis' own connectors. Milliseconds. */
const DISCONNECT_TIMEOUT_MS = 2_000;

/** Opens connections as ioredis does, each after a word with somebody else, who may still refuse it. */
export class TenantConnector extends AbstractConnector {
  readonly #options: RedisOptions;
  readonly #prepare: () => Promise<void>;

  constructor(options: RedisOptions, prepare: () => Promise<void>) {
    super(DISCONNECT_TIMEOUT_MS);
    this.#options = options;
    this.#prepare = prepare;
  }

  /** What `prepare` throws ends the client for good: ioredis rejects what waits and doesn't come again. */
  override async connect(): Promise<AbstractConnector["stream"]> {
    this.connecting = true;
    await this.#prepare();
    if (!this.connecting) throw new Error("Connection is closed.");
    const { tls } = this.#options;
    const address = {
      host: this.#options.host ?? "localhost",
      port: this.#options.port ?? 6379,
      family: this.#options.family ?? 0,
    };
    this.stream = tls ? connectTls({ ...address, ...tls }) : connectTcp(address);
    this.stream.once("error", (error) => {
      this.firstError = error;
    });
    return this.stream;
  }
}
