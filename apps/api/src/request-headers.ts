import type { IncomingHttpHeaders } from "node:http";
import type { Fault } from "@tenantry/tenancy";

export const MAX_WAIT_SECONDS = 60;
const MAX_KEY_LENGTH = 255;

/** What a request's headers ask for, or what is wrong with them. */
export interface WorkHeaders {
  readonly idempotencyKey: string | null;
  /** Null when the caller didn't ask to wait. */
  readonly waitSeconds: number | null;
  readonly faults: readonly Fault[];
}

/** Reads the headers that requests for work may have: `Idempotency-Key` and `Prefer: wait=N`. */
export function readWorkHeaders(headers: IncomingHttpHeaders): WorkHeaders {
  const faults: Fault[] = [];
  const idempotencyKey = single(headers["idempotency-key"]);
  if (idempotencyKey !== null && !isIdempotencyKey(idempotencyKey)) {
    faults.push({
      pointer: "/headers/idempotency-key",
      detail: `must have 1 to ${MAX_KEY_LENGTH} printable ASCII characters`,
    });
  }
  const wait = preference(single(headers.prefer) ?? "", "wait");
  const waitSeconds = wait === null ? null : /^\d{1,6}$/.test(wait) ? Number(wait) : Number.NaN;
  if (waitSeconds !== null && !(waitSeconds <= MAX_WAIT_SECONDS)) {
    faults.push({
      pointer: "/headers/prefer",
      detail: `wait must be a whole number of seconds from 0 to ${MAX_WAIT_SECONDS}`,
    });
  }
  return { idempotencyKey, waitSeconds, faults };
}

/** The revision that a client of an event stream saw last, or what is wrong with its header. */
export function readLastEventId(headers: IncomingHttpHeaders): number | null | Fault {
  const text = single(headers["last-event-id"]) ?? "";
  if (text === "") return null;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  return { pointer: "/headers/last-event-id", detail: "is not an id that this stream gave out" };
}

function single(header: string | string[] | undefined): string | null {
  return header === undefined ? null : Array.isArray(header) ? header.join(", ") : header;
}

function isIdempotencyKey(text: string): boolean {
  return /^[\x20-\x7e]+$/.test(text) && text.length <= MAX_KEY_LENGTH;
}

/** The value of a preference, as RFC 7240 writes them: `respond-async, wait=10; x=y`. The first of a name counts. */
function preference(header: string, name: string): string | null {
  for (const part of header.split(",")) {
    const [token = "", ...value] = (part.split(";", 1)[0] ?? "").split("=");
    if (token.trim().toLowerCase() === name) {
      return value
        .join("=")
        .trim()
        .replace(/^"(.*)"$/, "$1");
    }
  }
  return null;
}
