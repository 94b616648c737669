import { sweepPrivateFolders } from "./private-folder.ts";
import { ReaderProcess } from "./reader-process.ts";

/** Files after which a reader makes room for a new one: whatever has gathered in it goes with it. */
const MOST_COMMANDS = 200;

/** Reader processes, at most so many at once, each for one root; those that have done their work well are used again. */
export class ReaderPool {
  readonly #temporaryFolder: string;
  readonly #idleMs: number;
  readonly #idle: ReaderProcess[] = [];
  readonly #busy = new Set<ReaderProcess>();
  readonly #waiting: { readonly go: () => void; readonly fail: (error: Error) => void }[] = [];
  #turns: number;
  #swept: Promise<void> | null = null;
  #isClosed = false;

  constructor(max: number, temporaryFolder: string, idleMs: number) {
    if (!Number.isInteger(max) || max < 1) throw new RangeError("max has to be a whole number from 1 on");
    this.#turns = max;
    this.#temporaryFolder = temporaryFolder;
    this.#idleMs = idleMs;
  }

  /**
   * A reader of a root, once one is free; to be given back.
   *
   * @param root absolute, without links.
   * @throws the signal's reason; an error when the pool is closed.
   */
  async take(root: string, signal: AbortSignal | undefined): Promise<ReaderProcess> {
    await this.#turn(signal);
    try {
      const reader = (await this.#idleOf(root)) ?? (await this.#start(root));
      this.#busy.add(reader);
      if (this.#isClosed) {
        await reader.kill();
        throw closedError();
      }
      return reader;
    } catch (error) {
      this.#endTurn();
      throw error;
    }
  }

  /** @param isWhole it has answered to the end, and nothing about it was odd. Others are killed. */
  async give(reader: ReaderProcess, isWhole: boolean): Promise<void> {
    this.#busy.delete(reader);
    if (isWhole && !this.#isClosed && !reader.isOver && reader.commands < MOST_COMMANDS) {
      reader.rest();
      this.#idle.push(reader);
      this.#endUnlessUsed(reader);
    } else {
      await reader.kill();
    }
    this.#endTurn();
  }

  /** A run's files follow each other; when none does any more, a reader's hundred megabytes are better given back. */
  #endUnlessUsed(reader: ReaderProcess): void {
    const { commands } = reader;
    const end = async (): Promise<void> => {
      const at = this.#idle.indexOf(reader);
      if (at < 0 || reader.commands !== commands) return;
      this.#idle.splice(at, 1);
      await reader.kill();
    };
    setTimeout(() => void end(), this.#idleMs).unref();
  }

  /** Ends the readers that wait for work. */
  async endIdle(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((reader) => reader.kill()));
  }

  /** Kills all readers, and refuses whoever waits for one or comes later. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { fail } of this.#waiting.splice(0)) fail(closedError());
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((reader) => reader.kill()));
  }

  async #idleOf(root: string): Promise<ReaderProcess | null> {
    const at = this.#idle.findIndex((reader) => reader.root === root && !reader.isOver);
    if (at >= 0) return this.#idle.splice(at, 1)[0] ?? null;
    // One run after the other: an idle reader of another root would only take memory beside the new one.
    const idle = this.#idle.filter((reader) => reader.isOver || reader.root !== root);
    for (const reader of idle) this.#idle.splice(this.#idle.indexOf(reader), 1);
    await Promise.all(idle.map((reader) => reader.kill()));
    return null;
  }

  async #start(root: string): Promise<ReaderProcess> {
    this.#swept ??= sweepPrivateFolders(this.#temporaryFolder);
    await this.#swept;
    return ReaderProcess.start(root, this.#temporaryFolder);
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw closedError();
    if (this.#turns > 0) {
      this.#turns--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal?.reason);
      };
      const waiter = {
        go: () => {
          signal?.removeEventListener("abort", leave);
          resolve();
        },
        fail: (error: Error) => {
          signal?.removeEventListener("abort", leave);
          reject(error);
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiter);
    });
  }

  /** Hands the turn on to whoever has waited longest. */
  #endTurn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#turns++;
    else next.go();
  }
}

function closedError(): Error {
  return new Error("the readers are closed");
}
