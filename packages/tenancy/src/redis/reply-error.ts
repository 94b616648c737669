/** The first word of an error that Redis itself answered with: `NOPERM`, `WRONGPASS`, `ERR`; undefined for any other error. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== "ReplyError") return undefined;
  return /^[A-Z][A-Z0-9]*/.exec(error.message)?.[0];
}

/**
 * True when the server knows no ACL, not this much of it, or doesn't let us: Redis before 7, and some that are managed.
 * `ERR` is what it says to a command, subcommand or rule that it doesn't have; trouble that passes has a code of its own.
 */
export function isAclRefusal(error: unknown): boolean {
  const code = replyCode(error);
  return code === "NOPERM" || code === "ERR";
}
