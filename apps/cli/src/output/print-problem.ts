import { describeProblem } from "./describe-problem.ts";
import type { Terminal } from "./terminal.ts";

/** Writes an error to stderr: message, code, hint. A stack only for those who debug. */
export async function printProblem(
  terminal: Terminal,
  error: unknown,
  options: { json: boolean; debug: boolean },
): Promise<void> {
  const { message, code, hint, faults } = await describeProblem(error);
  if (options.json) {
    terminal.note(
      JSON.stringify({ error: { code, message, hint, ...(faults.length > 0 ? { faults } : {}) } }),
    );
  } else {
    terminal.note(message);
    for (const fault of faults) terminal.note(`  - ${fault}`);
    terminal.note(`  code  ${code}`);
    if (hint !== null) terminal.note(`  hint  ${hint}`);
  }
  if (options.debug) {
    for (let each = error; each instanceof Error; each = each.cause)
      terminal.note(each.stack ?? each.message);
  }
}
