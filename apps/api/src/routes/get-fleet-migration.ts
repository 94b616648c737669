import { fleetFigures, getOperation } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { toOperationAnswer } from "../operation-answer.ts";
import { OperationParams } from "../operation-params.ts";
import { component, problems, response } from "../schemas.ts";

export function getFleetMigrationRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: OperationParams }>(
    "/v1/fleet-migrations/:id",
    {
      config: { scope: "fleet:write" },
      schema: {
        operationId: "getFleetMigration",
        summary: "See how far a fleet migration is, and whether it is paused",
        tags: ["Fleet migrations"],
        params: OperationParams,
        response: {
          200: response(
            "The run and its figures",
            Type.Object({ operation: component("Operation"), figures: component("FleetFigures") }),
          ),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request) => {
      const { id } = request.params;
      // First: it knows whether the operation is a fleet migration at all.
      const figures = await fleetFigures(api.ctx, id);
      return { operation: toOperationAnswer(await getOperation(api.ctx, id)), figures };
    },
  );
}
