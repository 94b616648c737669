export { type ConvertedRow, convertRow } from "./convert/index.ts";
