/** What a column's values may be, as far as its checks say it in a simple form. */
export interface ColumnChecks {
  readonly oneOf: readonly string[] | null;
  readonly least: string | null;
  readonly most: string | null;
}

const COLUMN = String.raw`\(?(?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+"|VALUE)\)?(?:::[a-z ]+)?`;
const NUMBER = String.raw`\(?'?(-?\d+(?:\.\d+)?)'?\)?(?:::[a-z ]+)?`;
const ONE_OF = new RegExp(
  String.raw`^CHECK \(\(\(?${COLUMN}\)? = ANY \(\(?ARRAY\[(.*?)\]\)?(?:::[a-z ]+\[\])?\)\)\)$`,
);
const LEAST = new RegExp(String.raw`^CHECK \(\(${COLUMN} >= ${NUMBER}\)\)$`);
const MOST = new RegExp(String.raw`^CHECK \(\(${COLUMN} <= ${NUMBER}\)\)$`);
const BETWEEN = new RegExp(
  String.raw`^CHECK \(\(\(${COLUMN} >= ${NUMBER}\) AND \(${COLUMN} <= ${NUMBER}\)\)\)$`,
);
/** A number without a cast is a whole one of an integer column; others may be written otherwise in a column's text form. */
const ELEMENT = /(?:'((?:[^']|'')*)'(?:::[a-z ]+)?|(\d+))(?:, |$)/y;

/**
 * Reads checks as `pg_get_constraintdef` writes them: lists of values, and bounds. Any other form is left to PostgreSQL
 * itself.
 */
export function readChecks(definitions: readonly string[]): ColumnChecks {
  let checks: ColumnChecks = { oneOf: null, least: null, most: null };
  for (const definition of definitions) {
    const list = elements(ONE_OF.exec(definition)?.[1]);
    if (list !== null) {
      checks = { ...checks, oneOf: checks.oneOf?.filter((value) => list.includes(value)) ?? list };
    }
    const between = BETWEEN.exec(definition);
    const least = LEAST.exec(definition)?.[1] ?? between?.[1];
    if (least !== undefined) checks = { ...checks, least: stricter(checks.least, least, Math.max) };
    const most = MOST.exec(definition)?.[1] ?? between?.[2];
    if (most !== undefined) checks = { ...checks, most: stricter(checks.most, most, Math.min) };
  }
  return checks;
}

/** Null unless every element is a constant: a list of which only some are known allows more than those. */
function elements(list: string | undefined): string[] | null {
  if (list === undefined) return null;
  const values: string[] = [];
  const element = new RegExp(ELEMENT);
  while (element.lastIndex < list.length) {
    const match = element.exec(list);
    if (match === null) return null;
    values.push(match[2] ?? (match[1] ?? "").replaceAll("''", "'"));
  }
  return values.length === 0 ? null : values;
}

function stricter(known: string | null, other: string, pick: (a: number, b: number) => number): string {
  return known !== null && pick(Number(known), Number(other)) === Number(known) ? known : other;
}
