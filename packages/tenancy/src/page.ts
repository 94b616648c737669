import { validationError } from "./errors.ts";

/** One page of a list, newest first. `nextCursor` is opaque; null on the last page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface PageRequest {
  /** 1 to 200. */
  readonly limit: number;
  readonly cursor?: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** True for the text form of a UUID, in lower case. Anything else can't be an id of ours. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** True for the text form of a positive bigint. */
export function isNumber(text: string): boolean {
  return /^[1-9]\d{0,17}$/.test(text);
}

/**
 * The id that the last page ended with. Lists are ordered by id alone: a UUIDv7 begins with the time it was made, and a
 * number was counted up.
 *
 * @throws TenancyError VALIDATION_FAILED for a text that `toPage` didn't make.
 */
export function readCursor(cursor: string, isId: (text: string) => boolean = isUuid): string {
  const id = Buffer.from(cursor, "base64url").toString();
  if (!isId(id)) {
    throw validationError([{ pointer: "/cursor", detail: "is not a cursor that this list gave out" }]);
  }
  return id;
}

/** Cuts a page out of rows that were fetched with one more than the limit. */
export function toPage<R extends { id: string }, T>(
  rows: readonly R[],
  limit: number,
  view: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(view), nextCursor: more ? Buffer.from(last.id).toString("base64url") : null };
}
