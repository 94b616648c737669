import { type Operation, toOperation } from "@tenantry/tenancy";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Api } from "./api.ts";

/**
 * Waits for an operation's end, at most so long; returns it as it is then. Null when it couldn't be followed: what was
 * accepted stays accepted, so that is no reason to refuse the request.
 */
export async function waitForOperation(
  api: Api,
  request: FastifyRequest,
  reply: FastifyReply,
  operationId: string,
  seconds: number,
): Promise<Operation | null> {
  const wait = api.longRequests.begin(reply, seconds * 1_000);
  try {
    return toOperation(await api.watch.untilFinished(operationId, wait.signal));
  } catch (error) {
    request.log.warn({ err: error, operationId }, "could not wait for the operation");
    return null;
  } finally {
    wait.end();
  }
}
