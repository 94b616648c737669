import { type ChildProcess, spawn } from "node:child_process";
import { createRequire, findPackageJSON } from "node:module";
import type { Socket } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { makePrivateFolder, removePrivateFolder } from "./private-folder.ts";
import { FrameParser, type ReaderCommand, type ReceivedFrame } from "./protocol.ts";

const SOURCES = import.meta.dirname;
const PROGRAM = join(SOURCES, "reader", "main.ts");
const IMPORTED_PACKAGE = "@tenantry/schema";
const IMPORTED = `${IMPORTED_PACKAGE}/legacy`;
/** Where Linux tells who has locked a file. */
const LOCKS = "/proc/locks";
/** Of JavaScript's own heap; SQLite's page cache and buffers come on top. */
const HEAP_MB = 160;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The reader has ended, or sent what no reader sends. The sentence is for people. */
export class ReaderLostError extends Error {
  override readonly name = "ReaderLostError";
}

/** The reader took too long. */
export class ReaderSlowError extends Error {
  override readonly name = "ReaderSlowError";
}

/**
 * One process that reads SQLite files under one root: without our environment, without the right to start programs, to
 * load addons, or to open through Node any file but its own sources, the root and a private temporary folder.
 * (Node's permissions don't bind SQLite itself: what it may open is settled in `reader/open-source.ts`.)
 */
export class ReaderProcess {
  readonly root: string;
  /** Commands that it was given. */
  commands = 0;
  readonly #child: ChildProcess;
  readonly #parser = new FrameParser();
  readonly #ended: Promise<void>;
  #over: string | null = null;
  #wake: (() => void) | null = null;

  /** @param root absolute, without links. */
  static async start(root: string, temporaryFolder: string): Promise<ReaderProcess> {
    const folder = await makePrivateFolder(temporaryFolder);
    return new ReaderProcess(root, folder);
  }

  private constructor(root: string, folder: string) {
    this.root = root;
    this.#child = spawn(process.execPath, [...nodeOptions(root, folder), PROGRAM, folder], {
      cwd: "/",
      env: {},
      stdio: ["pipe", "pipe", "ignore"],
      // In a session of its own: Ctrl-C in a terminal is the parent's to answer.
      detached: process.platform !== "win32",
      windowsHide: true,
    });
    this.#ended = new Promise((resolve) => {
      const over = (sentence: string): void => {
        this.#over ??= sentence;
        this.#wake?.();
        resolve(removePrivateFolder(folder).catch(() => undefined));
      };
      this.#child.once("error", (error) => over(`The reader could not be started (${error.message}).`));
      this.#child.once("close", (code, signal) => over(endSentence(code, signal)));
    });
    // A reader that has just died doesn't take its command; that it died is seen where its answer is awaited.
    this.#child.stdin?.on("error", () => undefined);
    this.#child.stdout?.on("error", () => undefined);
    this.#child.stdout?.on("readable", () => this.#wake?.());
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isOver(): boolean {
    return this.#over !== null;
  }

  send(command: ReaderCommand): void {
    this.commands++;
    this.#keepAwake(true);
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  /** To be called when the answer has ended: a reader that waits for work doesn't keep our process from ending. */
  rest(): void {
    this.#keepAwake(false);
  }

  /**
   * The next frame of the answer. The reader's clock runs only while somebody waits here: a receiver may take its time.
   *
   * @throws ReaderLostError; ReaderSlowError after `silenceMs` without a byte; the signal's reason.
   */
  async nextFrame(silenceMs: number, signal: AbortSignal | undefined): Promise<ReceivedFrame> {
    for (;;) {
      signal?.throwIfAborted();
      const frame = this.#parse();
      if (frame !== null) return frame;
      const piece = this.#child.stdout?.read() as Buffer | null | undefined;
      if (piece != null) this.#parser.push(piece);
      else if (this.#over !== null) throw new ReaderLostError(this.#over);
      else await this.#news(silenceMs, signal);
    }
  }

  /** Ends the process at once, wherever it is, and waits until it and its private folder are gone. */
  async kill(): Promise<void> {
    // Else our process might end before this one has.
    this.#keepAwake(true);
    this.#child.kill("SIGKILL");
    this.#child.stdout?.destroy();
    await this.#ended;
  }

  #parse(): ReceivedFrame | null {
    try {
      return this.#parser.next();
    } catch (error) {
      throw new ReaderLostError("The reader answered something that can't be understood.", { cause: error });
    }
  }

  async #news(silenceMs: number, signal: AbortSignal | undefined): Promise<void> {
    let isLate = false;
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const timer = setTimeout(
      () => {
        isLate = true;
        wake();
      },
      Math.min(silenceMs, LONGEST_TIMER_MS),
    );
    signal?.addEventListener("abort", wake, { once: true });
    this.#wake = wake;
    try {
      // What came between the look and now has already told of itself.
      if ((this.#child.stdout?.readableLength ?? 0) === 0 && this.#over === null) await woken;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", wake);
      this.#wake = null;
    }
    if (isLate) {
      throw new ReaderSlowError(
        `The file's reader said nothing for ${Math.ceil(silenceMs / 1000)} s, and was stopped.`,
      );
    }
  }

  #keepAwake(isBusy: boolean): void {
    for (const handle of [this.#child, this.#child.stdin as Socket, this.#child.stdout as Socket]) {
      if (isBusy) handle?.ref();
      else handle?.unref();
    }
  }
}

/** Besides the files that it reads, a reader may see what it is made of itself: its sources, and what they import. */
function nodeOptions(root: string, folder: string): string[] {
  const imported = fileURLToPath(import.meta.resolve(IMPORTED));
  const manifests = [import.meta.filename, imported].flatMap(
    (file) => findPackageJSON(pathToFileURL(file)) ?? [],
  );
  const places = createRequire(import.meta.url).resolve.paths(IMPORTED) ?? [];
  const links = places.map((place) => join(place, IMPORTED_PACKAGE));
  const readable = [SOURCES, dirname(imported), ...manifests, ...links, root, folder, LOCKS];
  return [
    "--permission",
    ...readable.map((path) => `--allow-fs-read=${path}`),
    `--allow-fs-write=${folder}`,
    `--max-old-space-size=${HEAP_MB}`,
    "--max-semi-space-size=2",
    "--disallow-code-generation-from-strings",
  ];
}

function endSentence(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === "SIGABRT" || code === 134) {
    return `The file's reader ended: it needed more memory than it may have (${HEAP_MB} MB), or it met a fault of its own.`;
  }
  const how = signal === null ? `code ${code}` : signal;
  return `The process that read the file ended in the middle (${how}).`;
}
