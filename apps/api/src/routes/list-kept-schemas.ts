import { listKeptSchemas } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { DEFAULT_LIMIT, PAGE_QUERY, pageOf, problems, response } from "../schemas.ts";

const Query = Type.Object({ ...PAGE_QUERY }, { additionalProperties: false });

export function listKeptSchemasRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/kept-schemas",
    {
      config: { scope: "backups:read" },
      schema: {
        operationId: "listKeptSchemas",
        summary: "List the schemas that restores have put aside, newest first",
        tags: ["Backups"],
        querystring: Query,
        response: {
          200: response("One page of schemas", pageOf("KeptSchema")),
          ...problems(400, 401, 403, 503),
        },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor } = request.query;
      return listKeptSchemas(api.ctx, { limit, ...(cursor === undefined ? {} : { cursor }) });
    },
  );
}
