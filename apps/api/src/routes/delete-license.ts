import { announceAgain, announceNew } from "@tenantry/jobs";
import {
  type DeleteLicenseOutcome,
  deleteLicense,
  normalizeLicenseKey,
  validationError,
} from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { ConfirmQuery, confirmFaults } from "../confirm-query.ts";
import { operationPath, toOperationAnswer } from "../operation-answer.ts";
import { readWorkHeaders } from "../request-headers.ts";
import { component, problems, response, WORK_HEADERS } from "../schemas.ts";
import { waitForOperation } from "../wait-for-operation.ts";

const Params = Type.Object({ key: Type.String({ maxLength: 64, description: "The license key" }) });
const AnswerShape = Type.Object({ operation: component("Operation") });

export function deleteLicenseRoute(app: FastifyInstance, api: Api): void {
  app.delete<{ Params: Static<typeof Params>; Querystring: Static<typeof ConfirmQuery> }>(
    "/v1/licenses/:key",
    {
      config: { scope: "licenses:write" },
      schema: {
        operationId: "deleteLicense",
        summary: "Delete a license's tenant, after a last backup",
        description:
          "From the answer on the license can't be used. The record of the license stays; its tenant's data is in the last backup alone.",
        tags: ["Licenses"],
        params: Params,
        querystring: ConfirmQuery,
        headers: WORK_HEADERS,
        response: {
          200: response("The tenant is deleted (with `Prefer: wait`)", AnswerShape),
          202: response("Accepted, or under way already", AnswerShape, {
            Location: "The operation to watch",
            "Idempotency-Replayed": "`true` when this is the answer to an earlier request",
          }),
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request, reply) => {
      const { idempotencyKey, waitSeconds, faults } = readWorkHeaders(request.headers);
      const licenseKey = normalizeLicenseKey(request.params.key);
      const refused = [...faults, ...confirmFaults(licenseKey, request.query.confirm)];
      if (refused.length > 0) throw validationError(refused);
      const caller = callerOf(request, idempotencyKey, `DELETE /v1/licenses/${licenseKey}`);
      const outcome = await deleteLicense(api.ctx, { licenseKey }, caller);
      const { id } = outcome.operation;
      if (outcome.replayed) reply.header("idempotency-replayed", "true");
      if (outcome.bell.kind !== "none") api.announcements.start(id, () => ring(api, id, outcome.bell));

      let operation = toOperationAnswer(outcome.operation);
      reply.header("location", operationPath(id));
      if (waitSeconds !== null) {
        reply.header("preference-applied", `wait=${waitSeconds}`);
        const waited = await waitForOperation(api, request, reply, id, waitSeconds);
        if (waited !== null) operation = toOperationAnswer(waited);
        if (operation.state === "succeeded") return reply.code(200).send({ operation });
      }
      return reply.code(202).send({ operation });
    },
  );
}

async function ring(api: Api, id: string, bell: DeleteLicenseOutcome["bell"]): Promise<void> {
  if (bell.kind === "new") await announceNew(api.ctx, api.queues, bell.entry);
  else await announceAgain(api.ctx, api.queues, id);
}
