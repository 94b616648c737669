import type { ConversionKind, QuarantineCode } from "@tenantry/schema/legacy";
import { isWellEncoded } from "./encoding.ts";
import { RowFetcher } from "./row-fetcher.ts";
import type { SqliteValue } from "./values/value.ts";
import { applies, type Import, type TableWork } from "./work.ts";

/** Why a row can't come in. */
export interface Trouble {
  /** As quarantine names it. */
  readonly column: string;
  readonly code: QuarantineCode;
  readonly reason: string;
}

/** The row that is being read; one object for all rows of a table. */
export interface RowState {
  /** Texts of the plan's columns. */
  readonly texts: (string | null)[];
  /** Which conversions changed something: the column's place and the kind, in turns. */
  readonly changes: (number | ConversionKind)[];
}

export function rowState(work: TableWork): RowState {
  return { texts: work.columns.map(() => null), changes: [] };
}

const NOT_UTF8 = { code: "not-utf8", reason: "The text isn't UTF-8." } as const;
/** What the driver shows for bytes that are no UTF-8. */
const REPLACEMENT = "\ufffd";
/** SQLite reads half of a surrogate pair and whatever follows it as one character beyond U+FFFF. */
const DOUBTFUL_UTF16 = /[\ud800-\udfff\ufffd]/;

/**
 * Converts a row, and looks whether it can come in by itself: by its values, its owner, and whether what it refers to is
 * there at all. What other rows' fate makes of it is `settleRow`'s.
 */
export function readRow(
  context: Import,
  work: TableWork,
  values: readonly SqliteValue[],
  rowId: string,
  state: RowState,
): Trouble | null {
  // First, since others may refer to the row's key whatever becomes of the row.
  const fault = convertValues(context, work, values, rowId, state);
  if (work.refused.size > 0) {
    const refusal = work.refused.get(rowId);
    if (refusal !== undefined) return { column: refusal.column, code: "refused", reason: refusal.reason };
  }
  if (work.owner !== null && !isOwned(work.owner, values)) {
    return {
      column: work.plan.owner?.column ?? "",
      code: "other-license",
      reason: "The row belongs to another license than this file does.",
    };
  }
  return fault ?? findUnequal(work, state) ?? findOrphan(context, work, state);
}

function isOwned({ place, values: owners }: NonNullable<TableWork["owner"]>, values: readonly SqliteValue[]) {
  const value = values[place] ?? null;
  return value !== null && typeof value !== "object" && owners.has(`${value}`);
}

function convertValues(
  context: Import,
  work: TableWork,
  values: readonly SqliteValue[],
  rowId: string,
  { texts, changes }: RowState,
): Trouble | null {
  const { columns, places } = work;
  changes.length = 0;
  let trouble: Trouble | null = null;
  for (let at = 0; at < columns.length; at++) {
    const column = columns[at] as (typeof columns)[number];
    const place = places[at] as number;
    const value = place < 0 ? null : (values[place] as SqliteValue);
    const reading = value === null ? column.ofNull : column.read(value);
    let text: string | null;
    if (typeof reading === "string") {
      text = reading;
    } else if (reading.kind === "changed") {
      text = reading.text;
      for (const kind of reading.by) changes.push(at, kind);
    } else {
      text = null;
      trouble ??= { column: column.name, code: reading.code, reason: reading.reason };
    }
    texts[at] = text;
    if (text !== null && column.holdsText && isDoubtful(context, text)) {
      if (isBroken(context, work, rowId, column.name)) trouble ??= { column: column.name, ...NOT_UTF8 };
    }
  }
  return trouble;
}

function isDoubtful({ utf16 }: Import, text: string): boolean {
  return utf16 === null ? text.includes(REPLACEMENT) : DOUBTFUL_UTF16.test(text);
}

/** True of text whose doubtful characters are the driver's, and not the file's. */
function isBroken({ db, utf16 }: Import, work: TableWork, rowId: string, column: string): boolean {
  const bytes = fetcherOf(db, work).fetch(rowId).get(column)?.bytes ?? null;
  return bytes !== null && !isWellEncoded(bytes, utf16);
}

export function fetcherOf(db: Import["db"], work: TableWork): RowFetcher {
  work.fetcher ??= new RowFetcher(db, work.table, [...new Set([...work.table.columns, ...work.selected])]);
  return work.fetcher;
}

function findUnequal(work: TableWork, { texts }: RowState): Trouble | null {
  for (const { column, to, when } of work.equals) {
    const [own, other] = [texts[column] ?? null, texts[to] ?? null];
    if (own === null || other === null || own === other || !applies(when, texts)) continue;
    return {
      column: work.columns[column]?.name ?? "",
      code: "not-allowed",
      reason: `It has to be the same as ${work.columns[to]?.name ?? ""} in such a row, and isn't.`,
    };
  }
  return null;
}

function findOrphan({ tables }: Import, work: TableWork, { texts }: RowState): Trouble | null {
  for (const { column, table, seeded, when } of work.references) {
    const text = texts[column] ?? null;
    if (text === null || !applies(when, texts)) continue;
    const parent = table === null ? null : tables[table];
    const found = parent == null ? seeded.has(text) : parent.keys?.has(text);
    if (!found && !parent?.lostKeys.has(text)) {
      return {
        column: work.columns[column]?.name ?? "",
        code: "orphan",
        reason: `It points at a row of ${parent?.plan.source ?? "a table"} that isn't there.`,
      };
    }
  }
  return null;
}
