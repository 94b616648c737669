import { withdraw } from "@tenantry/jobs";
import { cancelOperation } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { changeOperation } from "../operation-change.ts";
import { OperationParams } from "../operation-params.ts";
import { component, problems, response, WORK_HEADERS } from "../schemas.ts";

export function cancelOperationRoute(app: FastifyInstance, api: Api): void {
  app.post<{ Params: OperationParams }>(
    "/v1/operations/:id/cancel",
    {
      config: { scope: "operations:write" },
      schema: {
        operationId: "cancelOperation",
        summary: "Cancel an operation",
        description:
          "At once while it waits, at its next safe point while it runs; what is committed stays, so it may still succeed.",
        tags: ["Operations"],
        params: OperationParams,
        headers: WORK_HEADERS,
        response: {
          200: response("The operation, canceled or asked to stop", component("Operation")),
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request, reply) =>
      changeOperation(
        api,
        request,
        reply,
        "cancel",
        (id, caller) => cancelOperation(api.ctx, id, caller),
        async (operation) => {
          if (operation.state === "canceled") await withdraw(api.ctx, api.queues, operation);
        },
      ),
  );
}
