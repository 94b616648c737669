import { randomUUID } from "node:crypto";
import { link, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { Readable, Writable } from "node:stream";
import { WrongUse } from "./arguments/wrong-use.ts";
import { CliError } from "./output/describe-problem.ts";

/**
 * Writes a stream to a new file, for its owner's eyes only. It is there when all of it is on the disk; what broke off
 * leaves nothing.
 *
 * @throws WrongUse when there is such a file already, or none can be made; what the stream throws.
 */
export async function writeNewFile(path: string, stream: Readable): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  const file = await open(partial, "wx", 0o600).catch((error: unknown) => {
    stream.destroy();
    throw cannotWrite(path, error);
  });
  try {
    try {
      await file.writeFile(stream);
      await file.sync();
    } finally {
      await file.close();
    }
    // A link refuses to take the place of a file, a rename doesn't.
    await link(partial, path).catch(async (error: unknown) => {
      if (codeOf(error) === "EEXIST") throw cannotWrite(path, error);
      // A file system without links.
      await rename(partial, path);
    });
    await syncDirectory(dirname(path));
  } finally {
    await unlink(partial).catch(() => undefined);
  }
}

/**
 * Writes a stream to stdout, no faster than its reader takes it.
 *
 * @throws CliError when the reader went away before it had all: what it got must not pass for the whole.
 */
export async function writeToStdout(stream: Readable, stdout: Writable = process.stdout): Promise<void> {
  for await (const chunk of stream) {
    await new Promise<void>((resolve, reject) => {
      stdout.write(chunk, (error) => (error ? reject(brokenOff(error)) : resolve()));
    });
  }
}

function brokenOff(cause: Error): CliError {
  return new CliError(
    "OUTPUT_BROKEN_OFF",
    `Not all of it was written: stdout was closed (${codeOf(cause)}).`,
    "Discard what was written; see what became of its reader, or give a file: -o FILE.",
  );
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path).catch(() => null);
  // Some file systems can't; then there is nothing to be done about it.
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}

function cannotWrite(path: string, error: unknown): WrongUse {
  const code = codeOf(error);
  return new WrongUse(
    code === "EEXIST" ? `${path} is there already.` : `${path} can't be written (${code}).`,
    "Give the path of a new file.",
  );
}

function codeOf(error: unknown): string {
  return String(Reflect.get(Object(error), "code"));
}
