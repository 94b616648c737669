import { QUARANTINE_STATES, type QuarantineState } from "@tenantry/schema";
import { listQuarantine } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { LegacyRunParams } from "../legacy-run-params.ts";
import { DEFAULT_LIMIT, PAGE_QUERY, pageOf, problems, response } from "../schemas.ts";

const Query = Type.Object(
  {
    licenseKey: Type.Optional(
      Type.String({ maxLength: 64, description: "Or the name that the source has for it" }),
    ),
    table: Type.Optional(Type.String({ maxLength: 256, description: "The table's name in the file" })),
    state: Type.Optional(Type.Enum([...QUARANTINE_STATES])),
    ...PAGE_QUERY,
  },
  { additionalProperties: false },
);

export function listQuarantineRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: LegacyRunParams; Querystring: Static<typeof Query> }>(
    "/v1/legacy-migrations/:id/quarantine",
    {
      config: { scope: "legacy:write" },
      schema: {
        operationId: "listQuarantine",
        summary: "List the rows that a legacy migration could not import",
        description: "Each as it was, with the column that is the trouble and the reason.",
        tags: ["Legacy migrations"],
        params: LegacyRunParams,
        querystring: Query,
        response: {
          200: response("One page of rows", pageOf("QuarantinedRow")),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor, licenseKey, table, state } = request.query;
      return listQuarantine(
        api.ctx,
        request.params.id,
        {
          ...(licenseKey === undefined ? {} : { licenseKey }),
          ...(table === undefined ? {} : { table }),
          ...(state === undefined ? {} : { state: state as QuarantineState }),
        },
        { limit, ...(cursor === undefined ? {} : { cursor }) },
      );
    },
  );
}
