/**
 * The program that reads legacy files: commands as lines of JSON on its standard input, frames on its standard output
 * (`protocol.ts`). Its one argument is the private folder that it may write in. It ends when its parent does.
 *
 * Everything in it waits: SQLite does so anyway, and a parent that doesn't take what is written is to hold it up.
 */
import { readSync, rmSync } from "node:fs";
import type { ReaderCommand } from "../protocol.ts";
import { FrameWriter, pause } from "./frame-writer.ts";
import { isPipeBroken, perform } from "./perform.ts";

const STDIN = 0;

function main(folder: string): void {
  const writer = new FrameWriter();
  try {
    for (const line of lines()) perform(JSON.parse(line) as ReaderCommand, folder, writer);
  } catch (error) {
    if (!isPipeBroken(error)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function* lines(): Generator<string> {
  const piece = Buffer.alloc(64 * 1024);
  let pieces: Buffer[] = [];
  for (;;) {
    const read = readSome(piece);
    if (read === 0) return;
    let rest = Buffer.from(piece.subarray(0, read));
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      yield Buffer.concat([...pieces, rest.subarray(0, end)]).toString("utf8");
      pieces = [];
      rest = rest.subarray(end + 1);
    }
    pieces.push(rest);
  }
}

function readSome(piece: Buffer): number {
  for (;;) {
    try {
      return readSync(STDIN, piece);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : null;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      pause();
    }
  }
}

main(process.argv[2] ?? "");
