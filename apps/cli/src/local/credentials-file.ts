import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../output/describe-problem.ts";
import { withFileLock } from "./file-lock.ts";

/** What `tenantry` made up for an installation and has to know again: for the owner's eyes only. */
export interface LocalCredentials {
  /** Of the login that owns the embedded database. */
  readonly databasePassword?: string;
  /** Of the dashboard of the embedded installation. */
  readonly opsPassword?: string;
  /** Token of the API key that `up` made, by the database that knows it. */
  readonly apiKeys?: Readonly<Record<string, string>>;
}

const FILE = "credentials.json";
const LOCK = "credentials.lock";

/** The credentials of one data directory; processes that change them take turns. */
export class CredentialsFile {
  readonly #dataDir: string;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  get path(): string {
    return join(this.#dataDir, FILE);
  }

  /**
   * Lets `change` look at the credentials and say what they are to be, while nobody else can. Nothing is written when
   * it returns them as they were.
   *
   * @throws CliError CREDENTIALS_UNREADABLE, DATA_DIR_BUSY, DATA_DIR_UNUSABLE; and what `change` throws.
   */
  async update(change: (current: LocalCredentials) => Promise<LocalCredentials>): Promise<LocalCredentials> {
    await this.#usable(mkdir(this.#dataDir, { recursive: true }));
    return withFileLock(join(this.#dataDir, LOCK), async () => {
      const current = await this.#read();
      const next = await change(current);
      if (next !== current) await this.#usable(this.#write(next));
      return next;
    });
  }

  async #read(): Promise<LocalCredentials> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
      throw this.#unreadable(error);
    }
    try {
      return JSON.parse(text) as LocalCredentials;
    } catch {
      // Without the cause: it quotes the text.
      throw this.#unreadable();
    }
  }

  /** A reader, or a crash, sees the old file or the new one, nothing between. */
  async #write(credentials: LocalCredentials): Promise<void> {
    const temporary = `${this.path}.tmp`;
    await rm(temporary, { force: true });
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(`${JSON.stringify(credentials, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await chmod(temporary, 0o600);
    await rename(temporary, this.path);
  }

  async #usable<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw new CliError(
        "DATA_DIR_UNUSABLE",
        `${this.#dataDir} can't be written.`,
        "Set DATA_DIR to a directory that you may write.",
        error,
      );
    }
  }

  #unreadable(cause?: unknown): CliError {
    return new CliError(
      "CREDENTIALS_UNREADABLE",
      `${this.path} can't be read.`,
      "Make it readable for you, or move it away: the passwords in it are then made anew.",
      cause,
    );
  }
}
