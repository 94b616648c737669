export { type ConvertedRow, convertRow } from "./convert-row.ts";
export { TooManyQuarantinedError } from "./quarantine-count.ts";
export { streamImport } from "./stream-import.ts";
