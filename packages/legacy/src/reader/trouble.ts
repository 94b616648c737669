import type { SourceErrorCode } from "@tenantry/schema/legacy";

/** Something is wrong with the file. The sentence is for people, and quotes nothing of what the file holds. */
export class Trouble extends Error {
  override readonly name = "Trouble";
  readonly code: SourceErrorCode;

  constructor(code: SourceErrorCode, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }
}

export function invalid(detail: string): Trouble {
  return new Trouble("SOURCE_INVALID", detail);
}

/** SQLite's primary result codes (sqlite.org/rescode.html). */
export const RESULT = {
  error: 1,
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  inputOutput: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  tooBig: 18,
  authorization: 23,
  notADatabase: 26,
} as const;

const NO_ROOM =
  "There is no room for a copy of the file in the temporary folder, where files are copied that have a journal beside them.";

/** The largest value that is read, so that one row can't take all of the memory. */
export const MOST_VALUE_BYTES = 128 * 2 ** 20;

const SENTENCES: Readonly<Record<number, Trouble>> = {
  [RESULT.busy]: new Trouble("SOURCE_BUSY", "Another program has locked the file to write to it."),
  [RESULT.locked]: new Trouble("SOURCE_BUSY", "Another program has locked the file to write to it."),
  [RESULT.noMemory]: new Trouble("READER_LOST", "There was not enough memory to read the file."),
  [RESULT.inputOutput]: invalid("The file's pages can't be read: it is cut off, or its disk has a fault."),
  [RESULT.corrupt]: invalid("The file is damaged: SQLite can't follow its pages."),
  [RESULT.full]: new Trouble("READER_LOST", NO_ROOM),
  [RESULT.cannotOpen]: invalid("SQLite can't open the file, or a temporary one of its own."),
  [RESULT.tooBig]: invalid(`A value is larger than ${MOST_VALUE_BYTES >> 20} MiB.`),
  [RESULT.authorization]: invalid("What is to be read is no ordinary table of the file's."),
  [RESULT.notADatabase]: invalid("The file is no SQLite database, or it is encrypted."),
};

/** SQLite's extended result code of an error, or null. */
function resultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !("errcode" in error)) return null;
  return typeof error.errcode === "number" ? error.errcode : null;
}

export function primaryCode(error: unknown): number | null {
  const code = resultCode(error);
  return code === null ? null : code & 0xff;
}

/** What an error of SQLite's or of the file system means; null for one that is a fault of ours. */
export function troubleOf(error: unknown): Trouble | null {
  if (error instanceof Trouble) return error;
  const code = resultCode(error);
  if (code !== null) {
    return SENTENCES[code & 0xff] ?? invalid(`SQLite can't read the file (result code ${code}).`);
  }
  const errno = error instanceof Error && "syscall" in error && "code" in error ? error.code : null;
  switch (errno) {
    case null:
      return null;
    case "ENOENT":
      return new Trouble("SOURCE_NOT_FOUND", "The file doesn't exist any more.");
    case "EACCES":
    case "EPERM":
      return invalid("The file may not be read by the user that Tenantry runs as.");
    case "ELOOP":
      return invalid("A link stands where the file was.");
    case "ENOSPC":
    case "EDQUOT":
      return new Trouble("READER_LOST", NO_ROOM);
    default:
      return invalid(`The file can't be read (${String(errno)}).`);
  }
}
