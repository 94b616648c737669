/** What an API key may be allowed to do. */
export const SCOPES = [
  "licenses:read",
  "licenses:write",
  "operations:read",
  "operations:write",
  "legacy:write",
  "backups:read",
  "backups:write",
  "fleet:write",
] as const;
export type Scope = (typeof SCOPES)[number];

/** True when the text names a scope. */
export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}
