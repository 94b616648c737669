import { announceAgain } from "@tenantry/jobs";
import { retryOperation } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { changeOperation } from "../operation-change.ts";
import { OperationParams } from "../operation-params.ts";
import { component, problems, response, WORK_HEADERS } from "../schemas.ts";

export function retryOperationRoute(app: FastifyInstance, api: Api): void {
  app.post<{ Params: OperationParams }>(
    "/v1/operations/:id/retry",
    {
      config: { scope: "operations:write" },
      schema: {
        operationId: "retryOperation",
        summary: "Do a failed or canceled operation again",
        tags: ["Operations"],
        params: OperationParams,
        headers: WORK_HEADERS,
        response: {
          200: response("The operation, queued again", component("Operation")),
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request, reply) =>
      changeOperation(
        api,
        request,
        reply,
        "retry",
        (id, caller) => retryOperation(api.ctx, id, caller),
        ({ id }) => announceAgain(api.ctx, api.queues, id),
      ),
  );
}
