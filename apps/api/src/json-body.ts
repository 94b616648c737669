import { type Fault, validationError } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";

/** No request needs more, and recursive code must not meet a million brackets. */
const MAX_DEPTH = 32;

/**
 * Reads JSON bodies: UTF-8 that is whole, no `__proto__`, not nested without end. An empty body counts as none, for
 * clients that send the header with every POST.
 */
export function installJsonBody(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser("error", "error");
  const decoder = new TextDecoder("utf-8", { fatal: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, bytes, done) => {
    if (bytes.length === 0) return done(null, undefined);
    let text: string;
    try {
      text = decoder.decode(bytes as Buffer);
    } catch {
      return done(refusal("is not valid UTF-8"));
    }
    parseJson(request, text, (error, body) => {
      if (error !== null) done(refusal(jsonFault(error, text)));
      else if (isDeeperThan(body, MAX_DEPTH)) done(refusal(`is nested deeper than ${MAX_DEPTH} levels`));
      else done(null, body);
    });
  });
}

function refusal(detail: Fault["detail"]): Error {
  return validationError([{ pointer: "", detail }]);
}

/** V8's own message quotes the body, which may hold a password. */
function jsonFault(error: Error, text: string): string {
  let reason: unknown;
  try {
    JSON.parse(text);
  } catch (syntaxError) {
    reason = syntaxError;
  }
  if (!(reason instanceof SyntaxError))
    return "has a member named __proto__ or constructor, which is refused";
  const position = /at position (\d+)/.exec(`${reason.message} ${error.message}`)?.[1];
  return position === undefined ? "is not valid JSON" : `is not valid JSON, see position ${position}`;
}

/** True when arrays and objects lie in each other deeper than the limit. */
export function isDeeperThan(value: unknown, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= limit) return true;
    level = level.flatMap((member) =>
      typeof member === "object" && member !== null
        ? Object.values(member).filter((child) => typeof child === "object" && child !== null)
        : [],
    );
  }
  return false;
}
