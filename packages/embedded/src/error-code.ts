/** The `code` of a system error (`ENOENT`, `EACCES`, …), or undefined when `error` carries none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
