import { readFile } from "node:fs/promises";
import { WrongUse } from "./arguments/wrong-use.ts";

/**
 * A file that a command was given, as text; `-` is stdin.
 *
 * @throws WrongUse when it can't be read.
 */
export async function readInputFile(path: string): Promise<string> {
  if (path === "-") {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString("utf8");
  }
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
    throw new WrongUse(`${path} can't be read (${code}).`, "Give the path of a file, or - for stdin.");
  }
}

/**
 * The values of a JSON array, or of JSON Lines: one value a line, empty lines left out.
 *
 * @throws WrongUse naming the first lines that are no JSON, without quoting them: they may hold a password.
 */
export function parseJsonItems(text: string): unknown[] {
  if (text.trimStart().startsWith("[")) {
    try {
      const items: unknown = JSON.parse(text);
      if (Array.isArray(items)) return items;
    } catch {
      throw new WrongUse("The file begins like a JSON array and is none.", "See whether it is whole.");
    }
  }
  const faults: string[] = [];
  const items = text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as unknown];
    } catch {
      faults.push(`line ${index + 1} is not valid JSON`);
      return [];
    }
  });
  if (faults.length > 0) {
    throw new WrongUse(
      "The file is neither a JSON array nor JSON Lines.",
      "One request a line.",
      faults.slice(0, 10),
    );
  }
  return items;
}
