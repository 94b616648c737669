/** What a column's values may be, as far as its checks say it in a simple form. */
export interface ColumnChecks {
  readonly oneOf: readonly string[] | null;
  readonly least: string | null;
  readonly most: string | null;
}

const COLUMN = String.raw`\(?(?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+"|VALUE)\)?(?:::[a-z ]+)?`;
const NUMBER = String.raw`\(?'?(-?\d+(?:\.\d+)?)'?\)?(?:::[a-z ]+)?`;
const ONE_OF = new RegExp(
  String.raw`^CHECK \(\(\(?${COLUMN}\)? = ANY \(\(?ARRAY\[(.*)\]\)?(?:::[a-z ]+\[\])?\)\)\)$`,
);
const LEAST = new RegExp(String.raw`^CHECK \(\(${COLUMN} >= ${NUMBER}\)\)$`);
const MOST = new RegExp(String.raw`^CHECK \(\(${COLUMN} <= ${NUMBER}\)\)$`);
const BETWEEN = new RegExp(
  String.raw`^CHECK \(\(\(${COLUMN} >= ${NUMBER}\) AND \(${COLUMN} <= ${NUMBER}\)\)\)$`,
);
const ELEMENT = /'((?:[^']|'')*)'(?:::[a-z ]+)?/g;

/**
 * Reads checks as `pg_get_constraintdef` writes them: lists of values, and bounds. Any other form is left to PostgreSQL
 * itself.
 */
export function readChecks(definitions: readonly string[]): ColumnChecks {
  let checks: ColumnChecks = { oneOf: null, least: null, most: null };
  for (const definition of definitions) {
    const list = ONE_OF.exec(definition)?.[1];
    if (list !== undefined) {
      checks = {
        ...checks,
        oneOf: [...list.matchAll(ELEMENT)].map((match) => (match[1] ?? "").replaceAll("''", "'")),
      };
    }
    const least = LEAST.exec(definition)?.[1];
    if (least !== undefined) checks = { ...checks, least };
    const most = MOST.exec(definition)?.[1];
    if (most !== undefined) checks = { ...checks, most };
    const between = BETWEEN.exec(definition);
    if (between !== null) checks = { ...checks, least: between[1] ?? null, most: between[2] ?? null };
  }
  return checks;
}
