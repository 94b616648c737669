import { styleText } from "node:util";
import { displayWidth } from "./display-width.ts";

export type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

/** Where a command writes: data to stdout, all else to stderr. */
export interface Terminal {
  /** Writes data as it is. */
  data(text: string): void;
  /** Writes one line of data. */
  line(text?: string): void;
  /** Writes a value as JSON, on one line unless people read it. */
  json(value: unknown): void;
  /** Writes to stderr as it is. */
  progress(text: string): void;
  /** Writes one line to stderr. */
  note(message: string): void;
  /** Shows what is going on, in place of what it showed before; where lines can't be redrawn, as lines. */
  status(text: string): void;
  /** Takes the redrawn line away. */
  clearStatus(): void;
  /** Colours text for stdout; plain text where colours aren't wanted. */
  style(style: Style, text: string): string;
  readonly dataIsTty: boolean;
  readonly progressIsTty: boolean;
  /** Resolves when what was written to stdout has left the process. */
  flushed(): Promise<void>;
}

type Streams = Pick<NodeJS.Process, "stdout" | "stderr">;

export function openTerminal({ stdout, stderr }: Streams): Terminal {
  let redrawn = false;
  // A reader that went away (`| head -1`) or a closed terminal is no reason to leave anything half done.
  for (const stream of [stdout, stderr]) stream.on("error", () => undefined);
  const clearStatus = (): void => {
    if (redrawn) stderr.write("\r\u001b[2K");
    redrawn = false;
  };
  const data = (text: string): void => {
    clearStatus();
    stdout.write(text);
  };
  const progress = (text: string): void => {
    clearStatus();
    stderr.write(text);
  };
  return {
    data,
    line: (text = "") => data(`${text}\n`),
    json: (value) => data(`${JSON.stringify(value, null, stdout.isTTY ? 2 : 0)}\n`),
    progress,
    note: (message) => progress(`${message}\n`),
    status: (text) => {
      if (!stderr.isTTY) return void stderr.write(`${text}\n`);
      clearStatus();
      stderr.write(fit(text, (stderr.columns || 80) - 1));
      redrawn = true;
    },
    clearStatus,
    style: (style, text) => styleText(style, text, { stream: stdout }),
    dataIsTty: stdout.isTTY === true,
    progressIsTty: stderr.isTTY === true,
    flushed: () =>
      new Promise((resolve) => {
        if (stdout.writableLength === 0 || stdout.destroyed) return resolve();
        stdout.write("", () => resolve());
      }),
  };
}

/** A line that wraps can't be redrawn. */
function fit(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let fitting = "";
  for (const character of text) {
    if (displayWidth(fitting + character) > columns - 1) break;
    fitting += character;
  }
  return `${fitting}…`;
}
