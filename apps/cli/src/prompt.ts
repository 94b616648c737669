import type { ReadStream } from "node:tty";
import type { Terminal } from "./output/terminal.ts";

const ENTER = new Set(["\r", "\n"]);
/** Ctrl-C and Ctrl-D: on a terminal in raw mode they are characters like others. */
const BREAK = new Set(["\u0003", "\u0004"]);
const BACKSPACES = new Set(["\u0008", "\u007f"]);

/** True when there is somebody who can be asked. */
export function canAsk(terminal: Terminal, stdin: Pick<ReadStream, "isTTY"> = process.stdin): boolean {
  return stdin.isTTY === true && terminal.progressIsTty;
}

/**
 * Asks for a secret without showing what is typed. Null when the answer was broken off.
 */
export function askSecret(terminal: Terminal, question: string, signal: AbortSignal): Promise<string | null> {
  const { stdin } = process;
  terminal.progress(`${question}: `);
  return new Promise((resolve) => {
    let typed: string[] = [];
    const end = (answer: string | null): void => {
      stdin.off("data", onData);
      signal.removeEventListener("abort", onAbort);
      stdin.setRawMode(false);
      stdin.pause();
      terminal.progress("\n");
      resolve(answer);
    };
    const onAbort = (): void => end(null);
    const onData = (chunk: string): void => {
      // A paste arrives as one chunk, and may hold the Enter at its end.
      for (const character of chunk) {
        if (ENTER.has(character) || BREAK.has(character)) {
          end(ENTER.has(character) ? typed.join("") : null);
          return;
        }
        if (BACKSPACES.has(character)) typed = typed.slice(0, -1);
        else typed.push(character);
      }
    };
    stdin.setRawMode(true);
    stdin.setEncoding("utf8").on("data", onData).resume();
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** Asks a yes-or-no question; anything but a yes is a no. */
export async function askYesNo(terminal: Terminal, question: string, signal: AbortSignal): Promise<boolean> {
  const answer = await askLine(terminal, `${question} [y/N]`, signal);
  return /^y(es)?$/i.test(answer?.trim() ?? "");
}

/** Asks for a line of text. Null when the answer was broken off. */
export async function askLine(
  terminal: Terminal,
  question: string,
  signal: AbortSignal,
): Promise<string | null> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  terminal.clearStatus();
  // Readline takes Ctrl-C for itself on a terminal.
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    return await lines.question(`${question} `, { signal });
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  } finally {
    lines.close();
  }
}

/** A secret from a pipe: everything up to the end, without the line break that `echo` adds. */
export async function readSecretFromStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}
