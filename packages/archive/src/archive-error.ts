/**
 * - `corrupt`: not what was written: damaged, cut off, put together from parts, or no archive at all.
 * - `newer-format`: written by a later version of this software.
 * - `wrong-key`: made under another `BACKUP_KEY` than the one given.
 * - `no-key`: encrypted, and `BACKUP_KEY` or the archive's own wrapped key isn't there.
 * - `not-signed`: nobody vouches for it who should.
 */
export type ArchiveErrorKind = "corrupt" | "newer-format" | "wrong-key" | "no-key" | "not-signed";

/** An archive that isn't to be used. The message is for people and holds nothing secret. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
  readonly kind: ArchiveErrorKind;
  /** What to do about it. */
  readonly remedy: string;

  constructor(kind: ArchiveErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.remedy = REMEDIES[kind];
  }
}

const REMEDIES: Readonly<Record<ArchiveErrorKind, string>> = {
  corrupt: "Use another backup, or fetch this one again from where it came from.",
  "newer-format": "Use the version of Tenantry that made it, or a later one.",
  "wrong-key": "Give the BACKUP_KEY that it was made under.",
  "no-key": "Give the BACKUP_KEY that it was made under, and the key file that lies beside it.",
  "not-signed": "Use an archive that was made with a BACKUP_KEY.",
};
