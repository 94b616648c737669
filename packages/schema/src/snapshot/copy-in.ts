import { from as copyFrom } from "pg-copy-streams";
import type { PoolClient } from "../pool.ts";
import { copyTarget } from "./copy-out.ts";
import type { SnapshotTable } from "./tenant-snapshot.ts";

/** One COPY into a table that was made in the same transaction. Owns its connection until it has ended. */
export class CopyIn {
  readonly #stream: ReturnType<typeof copyFrom>;
  #error: unknown;
  #waiting: ((error: unknown) => void) | null = null;

  constructor(client: PoolClient, schema: string, table: SnapshotTable) {
    this.#stream = client.query(copyFrom(`COPY ${copyTarget(schema, table)} FROM STDIN WITH (FREEZE)`));
    this.#stream.on("error", (error) => {
      this.#error ??= error;
      this.#waiting?.(error);
    });
  }

  /**
   * Resolves when the connection has room again.
   *
   * @throws the driver's error
   */
  write(chunk: Buffer): Promise<void> {
    return this.#step((done) => this.#stream.write(chunk, done));
  }

  /**
   * The number of rows that PostgreSQL took.
   *
   * @throws the driver's error
   */
  async end(): Promise<number> {
    await this.#step((done) => this.#stream.end(done));
    return this.#stream.rowCount;
  }

  /** PostgreSQL may refuse at any time, and then says nothing more of what it was given. */
  #step(work: (done: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) {
        reject(this.#error);
        return;
      }
      this.#waiting = reject;
      work(() => {
        this.#waiting = null;
        if (this.#error === undefined) resolve();
        else reject(this.#error);
      });
    });
  }
}
