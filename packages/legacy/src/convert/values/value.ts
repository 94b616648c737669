import type { ConversionKind, QuarantineCode } from "@tenantry/schema/legacy";

/** A value that SQLite holds, as `node:sqlite` reads it with BigInts on: INTEGER is a bigint, REAL always a number. */
export type SqliteValue = null | SomeValue;
export type SomeValue = bigint | number | string | Uint8Array;

/**
 * What a value became. A string alone is the common case: the text that PostgreSQL prints for it, and nothing to tell
 * of it; millions of values go through here, so the common case makes no object.
 */
export type Reading = string | Changed | Refused;

/** The same meaning in another form. `text` is null where nothing is meant: it then goes the way of NULL. */
export interface Changed {
  readonly kind: "changed";
  readonly text: string | null;
  readonly by: readonly ConversionKind[];
}

/** No safe reading. */
export interface Refused {
  readonly kind: "refused";
  readonly code: QuarantineCode;
  /** A sentence for people that quotes no value. */
  readonly reason: string;
}

/** Reads a value that isn't NULL. */
export type Converter = (value: SomeValue) => Reading;

export function changed(text: string | null, ...by: readonly ConversionKind[]): Changed {
  return { kind: "changed", text, by };
}

export function refused(code: QuarantineCode, reason: string): Refused {
  return { kind: "refused", code, reason };
}

/** An empty form field: text of nothing or of blanks alone where a number, a date or the like is due. */
export const EMPTY: Changed = changed(null, "empty-to-null");

/** The refusal of what is no text and no number that the column could take. */
export function wrongKind(value: SomeValue, due: string): Refused {
  const found =
    typeof value === "string"
      ? "Text that is none"
      : typeof value === "bigint" || typeof value === "number"
        ? "A number"
        : "A blob";
  return refused("not-readable", `${found} where ${due} is due.`);
}
