import { type LegacyItem, type LegacyItemState, listLegacyItems } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { LegacyRunParams } from "../legacy-run-params.ts";
import { LEGACY_ITEM_STATES } from "../legacy-schemas.ts";
import { operationPath } from "../operation-answer.ts";
import { describe } from "../problem.ts";
import { DEFAULT_LIMIT, PAGE_QUERY, pageOf, problems, response } from "../schemas.ts";

const Query = Type.Object(
  { state: Type.Optional(Type.Enum([...LEGACY_ITEM_STATES])), ...PAGE_QUERY },
  { additionalProperties: false },
);

export function listLegacyItemsRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: LegacyRunParams; Querystring: Static<typeof Query> }>(
    "/v1/legacy-migrations/:id/items",
    {
      config: { scope: "legacy:write" },
      schema: {
        operationId: "listLegacyItems",
        summary: "List a legacy migration's licenses, in the source's order",
        description:
          "What each is planned to become or has become, with its rows by table. None before it is planned.",
        tags: ["Legacy migrations"],
        params: LegacyRunParams,
        querystring: Query,
        response: {
          200: response("One page of licenses", pageOf("LegacyItem")),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { limit = DEFAULT_LIMIT, cursor, state } = request.query;
      const filter = state === undefined ? {} : { state: state as LegacyItemState };
      const page = { limit, ...(cursor === undefined ? {} : { cursor }) };
      const { items, nextCursor } = await listLegacyItems(api.ctx, id, filter, page);
      return { items: items.map((item) => toItemAnswer(id, item)), nextCursor };
    },
  );
}

/** Its error is a problem like every other. */
function toItemAnswer(runId: string, { error, ...item }: LegacyItem): object {
  if (error === undefined) return item;
  return { ...item, error: describe(error, operationPath(item.operationId ?? runId)) };
}
