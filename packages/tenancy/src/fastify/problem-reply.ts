import type { FastifyReply, FastifyRequest } from "fastify";
import { TenancyError } from "../errors.ts";
import { PROBLEM_TYPE, statusOf, toProblem } from "../problem.ts";
import { asUnavailable } from "../unavailable.ts";

/** The error as one that Tenantry has a code for: its own, and a PostgreSQL that is away. Undefined for any other. */
export function asTenancyError(error: unknown): TenancyError | undefined {
  return error instanceof TenancyError ? error : asUnavailable(error);
}

/** Answers with a problem (RFC 9457), as Tenantry's own API does. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: TenancyError): FastifyReply {
  const status = statusOf(error.code);
  if (status >= 500) request.log.warn({ err: error }, "request refused");
  if (status === 401) reply.header("www-authenticate", "Bearer");
  if (error.retryAfterSeconds !== undefined) reply.header("retry-after", error.retryAfterSeconds);
  return reply
    .code(status)
    .type(PROBLEM_TYPE)
    .send(toProblem(error, request.url.split("?", 1)[0] ?? ""));
}
