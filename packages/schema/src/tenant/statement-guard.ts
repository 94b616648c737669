/**
 * What a statement inside a tenant's transaction may not begin with: whatever ends or leaves the transaction, outlives
 * it on the session, changes who it runs as, or reaches beyond the tenant's tables.
 */
const REFUSED: ReadonlySet<string> = new Set([
  ...["BEGIN", "START", "COMMIT", "END", "ABORT", "ROLLBACK", "PREPARE"],
  ...["SET", "RESET", "DISCARD", "DEALLOCATE", "LOAD"],
  ...["LISTEN", "UNLISTEN", "NOTIFY"],
  ...["COPY", "DO"],
]);

/** Of those, what is harmless: savepoints, the transaction's own constraints and settings that end with it. */
const ALLOWED =
  /^(ROLLBACK\s+(WORK\s+|TRANSACTION\s+)?TO\b|SET\s+CONSTRAINTS\b|SET\s+LOCAL\s+(?!ROLE\b|SESSION\b|SEARCH_PATH\b|"))/i;

/** A statement that the tenant's transaction doesn't take. */
export class StatementRefusedError extends Error {
  override readonly name = "StatementRefusedError";
  readonly command: string;

  constructor(command: string) {
    super(`${command} is not possible inside a tenant's transaction`);
    this.command = command;
  }
}

/**
 * Refuses a statement by its first word. It sees one statement only, since those of a tenant are sent by the extended
 * protocol, which takes no more than one. It guards against mistakes: the walls against hostile SQL are the server's.
 *
 * @throws StatementRefusedError
 */
export function assertStatementAllowed(text: string): void {
  const statement = skipBlanksAndComments(text);
  const command = /^[a-z]+/i.exec(statement)?.[0].toUpperCase() ?? "";
  if (REFUSED.has(command) && !ALLOWED.test(statement)) throw new StatementRefusedError(command);
}

/** The text from its first word on. Comments of the second kind nest, as PostgreSQL's do; empty statements pass too. */
function skipBlanksAndComments(text: string): string {
  let at = 0;
  for (;;) {
    while (/[\s;]/.test(text[at] ?? "")) at += 1;
    if (text.startsWith("--", at)) {
      const end = /[\r\n]/.exec(text.slice(at));
      at = end === null ? text.length : at + end.index;
    } else if (text.startsWith("/*", at)) at = endOfComment(text, at);
    else return text.slice(at);
  }
}

function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if (text.startsWith("/*", at)) {
      depth += 1;
      at += 1;
    } else if (text.startsWith("*/", at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1;
    }
  }
  return text.length;
}
