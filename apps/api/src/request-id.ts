import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** The caller's own id for the request when it has a harmless one, else a new one. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && /^[\w-]{1,64}$/.test(given) ? given : randomUUID();
}
