export { type ConvertedRow, convertRow } from "./convert/index.ts";
export { resolveSource } from "./resolve-source.ts";
export { type ImportSource, SourceReaders, type SourceReadersOptions } from "./source-readers.ts";
