import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { finished } from "node:stream/promises";
import { TenancyError, validationError } from "@tenantry/tenancy";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { PROBLEM_TYPE, statusOf, toProblem } from "./problem.ts";
import { asTenancyError, isBodyTooLarge } from "./request-error.ts";

/** Answers with a problem, whatever went wrong. What nobody expected goes to the log, with the request's id. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const expected = asTenancyError(error, isBodyTooLarge(error) ? request.routeOptions.bodyLimit : undefined);
  const status = statusOf(expected.code);
  if (expected.code === "INTERNAL") request.log.error({ err: error }, "request failed");
  if (expected.code === "UNAVAILABLE" && expected !== error)
    request.log.warn({ err: error }, "request refused");
  // Fastify's own refusals come before any hook.
  reply.header("x-request-id", request.id);
  if (status === 401) reply.header("www-authenticate", "Bearer");
  if (expected.retryAfterSeconds !== undefined) reply.header("retry-after", expected.retryAfterSeconds);
  return reply
    .code(status)
    .type(PROBLEM_TYPE)
    .send(toProblem(expected, pathOf(request)));
}

/** Makes every refusal and failure a problem. */
export function installErrorHandling(app: FastifyInstance): void {
  app.setErrorHandler(async (error, request, reply) => {
    if (isBodyTooLarge(error)) await discardBody(request.raw);
    return sendProblem(request, reply, error);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      request,
      reply,
      new TenancyError("ROUTE_NOT_FOUND", `There is no ${request.method} route at this path.`),
    ),
  );
}

/** For bytes that are no HTTP request: there is no reply to send a problem with, only the socket. */
export function refuseMalformed(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const detail =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "the headers are too large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "the request took too long to arrive"
        : "this is not an HTTP request";
  const body = JSON.stringify(toProblem(validationError([{ pointer: "", detail }]), ""));
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** How long a body that was refused may go on arriving. Milliseconds. */
const DISCARD_MS = 5_000;

/** Lets the rest of a body come: a client that is cut off while it sends sees a broken pipe, not the answer. */
async function discardBody(message: IncomingMessage): Promise<void> {
  message.resume();
  try {
    await finished(message, { writable: false, signal: AbortSignal.timeout(DISCARD_MS) });
  } catch {
    // Too slow, too long, or gone: then it is cut off.
  }
}

function pathOf(request: FastifyRequest): string {
  return request.url.split("?", 1)[0] ?? "";
}
