import { getOperation, legacyRunFigures } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { LegacyRunParams } from "../legacy-run-params.ts";
import { toOperationAnswer } from "../operation-answer.ts";
import { component, problems, response } from "../schemas.ts";

export function getLegacyMigrationRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: LegacyRunParams }>(
    "/v1/legacy-migrations/:id",
    {
      config: { scope: "legacy:write" },
      schema: {
        operationId: "getLegacyMigration",
        summary: "See how far a legacy migration is",
        tags: ["Legacy migrations"],
        params: LegacyRunParams,
        response: {
          200: response(
            "The run and its figures",
            Type.Object({ operation: component("Operation"), figures: component("LegacyFigures") }),
          ),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request) => {
      const { id } = request.params;
      // First: it knows whether the operation is a legacy migration at all.
      const figures = await legacyRunFigures(api.ctx, id);
      return { operation: toOperationAnswer(await getOperation(api.ctx, id)), figures };
    },
  );
}
