/**
 * - `not-found`: the store is there, and holds nothing of that name.
 * - `full`: no room, or a quota is used up.
 * - `denied`: the store is there, and refuses this process.
 * - `away`: it can't be reached, broke off, or has trouble of its own. Trying again may help.
 * - `invalid`: what is asked for can't be: a wrong address or name, no such bucket, something foreign in the way.
 */
export type StoreErrorKind = "not-found" | "full" | "denied" | "away" | "invalid";

/** A backup store that doesn't do what it was asked for. The message is for people and holds nothing secret. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly kind: StoreErrorKind;
  /** What to do about it. */
  readonly remedy: string;

  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.remedy = REMEDIES[kind];
  }
}

const REMEDIES: Readonly<Record<StoreErrorKind, string>> = {
  "not-found": "Use another backup; see whether somebody has removed this one from the store.",
  full: "Make room where BACKUP_URL points, or raise its quota; then try again.",
  denied:
    "Give this process the right to list, read, write and delete where BACKUP_URL points: by the folder's owner and mode, or by the credentials in AWS's variables and files.",
  away: "See that BACKUP_URL, and S3_ENDPOINT if it is set, can be reached from this machine; then try again.",
  invalid:
    "Set BACKUP_URL to a folder, such as file:///srv/tenantry/backups, or to s3://bucket/prefix with a bucket that exists, and S3_ENDPOINT and AWS_REGION to what its server wants.",
};

/** For what a store's own system answers. `detail` is its word for it (`ENOSPC`, `AccessDenied`), never its sentence. */
export function storeFault(
  kind: Exclude<StoreErrorKind, "not-found">,
  detail: string,
  options?: ErrorOptions,
): StoreError {
  return new StoreError(kind, `${TEXTS[kind]} (${detail}).`, options);
}

const TEXTS: Readonly<Record<Exclude<StoreErrorKind, "not-found">, string>> = {
  full: "The backup store has no room left",
  denied: "The backup store refuses access",
  away: "The backup store can't be reached or has trouble of its own",
  invalid: "The backup store can't be used as it is set up",
};
