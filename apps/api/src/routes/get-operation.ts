import { getOperation } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { toOperationAnswer } from "../operation-answer.ts";
import { OperationParams } from "../operation-params.ts";
import { component, problems, response } from "../schemas.ts";

export function getOperationRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: OperationParams }>(
    "/v1/operations/:id",
    {
      config: { scope: "operations:read" },
      schema: {
        operationId: "getOperation",
        summary: "Read an operation",
        tags: ["Operations"],
        params: OperationParams,
        response: {
          200: response("The operation", component("Operation")),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request) => toOperationAnswer(await getOperation(api.ctx, request.params.id)),
  );
}
