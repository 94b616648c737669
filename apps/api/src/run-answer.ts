import { announceChildren } from "@tenantry/jobs";
import type { RunOutcome } from "@tenantry/tenancy";
import type { FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import type { Api } from "./api.ts";
import { type OperationAnswer, operationPath, toOperationAnswer } from "./operation-answer.ts";
import { component, problems, response } from "./schemas.ts";
import { waitForOperation } from "./wait-for-operation.ts";

const AnswerShape = Type.Object({ operation: component("Operation") });

/** What requests that start a run are answered with, for the OpenAPI document. */
export const RUN_RESPONSES = {
  200: response("The run has ended (with `Prefer: wait`); its children may have failed", AnswerShape, {
    Location: "The run",
  }),
  202: response("Accepted", AnswerShape, {
    Location: "The run to watch; its children are listed under its id as `parentId`",
    "Idempotency-Replayed": "`true` when this is the answer to an earlier request",
  }),
  ...problems(400, 401, 403, 422, 503),
};

/**
 * Has new work enqueued, waits for its end if asked to, and answers.
 *
 * @param announce Rings for what is new; by default for a run's children.
 */
export async function answerRun(
  api: Api,
  request: FastifyRequest,
  reply: FastifyReply,
  { answer, replayed }: RunOutcome,
  waitSeconds: number | null,
  announce: (id: string) => Promise<void> = (id) => announceChildren(api.ctx, api.queues, id),
): Promise<{ operation: OperationAnswer }> {
  const { id } = answer.operation;
  // A repeated request finds its work on the queue already, or the dispatcher on its way there.
  if (replayed) reply.header("idempotency-replayed", "true");
  else api.announcements.start(id, () => announce(id));
  let { operation } = answer;
  if (waitSeconds !== null) {
    reply.header("preference-applied", `wait=${waitSeconds}`);
    operation = (await waitForOperation(api, request, reply, id, waitSeconds)) ?? operation;
  }
  reply.code(waitSeconds !== null && operation.state === "succeeded" ? 200 : 202);
  reply.header("location", operationPath(id));
  return { operation: toOperationAnswer(operation) };
}
