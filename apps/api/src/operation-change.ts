import { type Caller, type OperationChange, schemaFaults, validationError } from "@tenantry/tenancy";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Api } from "./api.ts";
import { callerOf } from "./authentication.ts";
import { noFields } from "./no-fields.ts";
import { type OperationAnswer, toOperationAnswer } from "./operation-answer.ts";
import type { OperationParams } from "./operation-params.ts";
import { readWorkHeaders } from "./request-headers.ts";
import { waitForOperation } from "./wait-for-operation.ts";

/** What `retry` and `cancel` have in common: idempotency, the queue's bell, and the wait for the end. */
export async function changeOperation(
  api: Api,
  request: FastifyRequest<{ Params: OperationParams }>,
  reply: FastifyReply,
  verb: "retry" | "cancel",
  change: (id: string, caller: Caller) => Promise<OperationChange>,
  announce: (operation: OperationChange["operation"]) => Promise<void>,
): Promise<OperationAnswer> {
  const { idempotencyKey, waitSeconds, faults: headerFaults } = readWorkHeaders(request.headers);
  const faults = [...headerFaults, ...schemaFaults(noFields, request.body ?? {})];
  if (faults.length > 0) throw validationError(faults);
  const { id } = request.params;
  const caller = callerOf(request, idempotencyKey, `POST /v1/operations/${id}/${verb}`);
  const { operation, replayed } = await change(id, caller);
  if (replayed) reply.header("idempotency-replayed", "true");
  else api.announcements.start(id, () => announce(operation));
  if (waitSeconds === null) return toOperationAnswer(operation);
  reply.header("preference-applied", `wait=${waitSeconds}`);
  return toOperationAnswer((await waitForOperation(api, request, reply, id, waitSeconds)) ?? operation);
}
