import { WrongUse } from "./wrong-use.ts";

const MAX_LIMIT = 200;
const DEFAULT_LIMIT = 50;

/** The options of every list that comes in pages. */
export const PAGE_OPTIONS = {
  limit: { type: "string", value: "N", help: `Rows at most, 1 to ${MAX_LIMIT} (default ${DEFAULT_LIMIT})` },
  cursor: { type: "string", value: "CURSOR", help: "Go on where the last page ended" },
} as const;

/**
 * Reads `--limit` and `--cursor`.
 *
 * @throws WrongUse
 */
export function readPage(values: {
  readonly limit?: string | undefined;
  readonly cursor?: string | undefined;
}): { limit: number; cursor?: string } {
  const limit = values.limit === undefined ? DEFAULT_LIMIT : Number(values.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new WrongUse(`--limit must be a whole number from 1 to ${MAX_LIMIT}.`, "For example: --limit 20");
  }
  return { limit, ...(values.cursor === undefined ? {} : { cursor: values.cursor }) };
}
