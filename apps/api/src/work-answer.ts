import { announceNew } from "@tenantry/jobs";
import type { OutboxEntry, RunAnswer } from "@tenantry/tenancy";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Api } from "./api.ts";
import type { OperationAnswer } from "./operation-answer.ts";
import { answerRun } from "./run-answer.ts";

/** A single operation that was accepted, with what is said of it beside. */
export interface AcceptedWork<A extends RunAnswer> {
  readonly answer: A;
  readonly replayed: boolean;
  /** Null when there is nothing to ring for. */
  readonly entry: OutboxEntry | null;
}

/** Has one new operation enqueued, waits for its end if asked to, and answers with it and all that was said beside. */
export async function answerWork<A extends RunAnswer>(
  api: Api,
  request: FastifyRequest,
  reply: FastifyReply,
  accepted: AcceptedWork<A>,
  waitSeconds: number | null,
): Promise<Omit<A, "operation"> & { operation: OperationAnswer }> {
  const { entry } = accepted;
  const { operation } = await answerRun(api, request, reply, accepted, waitSeconds, async () => {
    if (entry !== null) await announceNew(api.ctx, api.queues, entry);
  });
  return { ...accepted.answer, operation };
}
