import { SourceError, type SourceErrorCode } from "@tenantry/schema";
import { type StoredError, TenancyError } from "../errors.ts";
import { printable } from "../text-rules.ts";

/** Trouble that may well be over a little later: somebody writes the file, or its reader was lost. */
const PASSING: readonly SourceErrorCode[] = ["SOURCE_BUSY", "READER_LOST"];

/** Whether a source's trouble may be over without anybody mending anything. */
export function isPassing(code: string): boolean {
  return PASSING.some((passing) => passing === code);
}

/** What is wrong with a source, as Tenantry's own error. Null for any other error. */
export function sourceTrouble(error: unknown): TenancyError | null {
  if (!(error instanceof SourceError)) return null;
  const detail = error.file === "" ? error.message : `${printable(error.file)}: ${error.message}`;
  return new TenancyError(error.code, detail, {
    retryable: isPassing(error.code),
    cause: error,
  });
}

/** The same for any error: others stay what they are. */
export function asSourceTrouble(error: unknown): unknown {
  return sourceTrouble(error) ?? error;
}

/** An error as it is kept with an item of a plan. */
export function storedError({ code, message, hint }: TenancyError): StoredError {
  return { code, detail: message, hint };
}
