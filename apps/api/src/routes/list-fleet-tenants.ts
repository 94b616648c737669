import { FLEET_ITEM_STATES, type FleetItemState } from "@tenantry/schema";
import { type FleetTenant, listFleetTenants } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { operationPath } from "../operation-answer.ts";
import { OperationParams } from "../operation-params.ts";
import { describe } from "../problem.ts";
import { DEFAULT_LIMIT, PAGE_QUERY, pageOf, problems, response } from "../schemas.ts";

const Query = Type.Object(
  { state: Type.Optional(Type.Enum([...FLEET_ITEM_STATES])), ...PAGE_QUERY },
  { additionalProperties: false },
);

export function listFleetTenantsRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: OperationParams; Querystring: Static<typeof Query> }>(
    "/v1/fleet-migrations/:id/tenants",
    {
      config: { scope: "fleet:write" },
      schema: {
        operationId: "listFleetTenants",
        summary: "List a fleet migration's tenants, and what became of each",
        tags: ["Fleet migrations"],
        params: OperationParams,
        querystring: Query,
        response: {
          200: response("One page of tenants", pageOf("FleetTenant")),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { limit = DEFAULT_LIMIT, cursor, state } = request.query;
      const filter = state === undefined ? {} : { state: state as FleetItemState };
      const page = { limit, ...(cursor === undefined ? {} : { cursor }) };
      const { items, nextCursor } = await listFleetTenants(api.ctx, id, filter, page);
      return { items: items.map((item) => toTenantAnswer(id, item)), nextCursor };
    },
  );
}

/** Its error is a problem like every other. */
function toTenantAnswer(runId: string, { error, ...tenant }: FleetTenant): object {
  return error === undefined ? tenant : { ...tenant, error: describe(error, operationPath(runId)) };
}
