import { listLicenseEvents } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { LicenseParams } from "../license-params.ts";
import { DEFAULT_LIMIT, PAGE_QUERY, pageOf, problems, response } from "../schemas.ts";

const Query = Type.Object({ ...PAGE_QUERY }, { additionalProperties: false });

export function licenseEventsRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: LicenseParams; Querystring: Static<typeof Query> }>(
    "/v1/licenses/:key/events",
    {
      config: { scope: "licenses:read" },
      schema: {
        operationId: "listLicenseEvents",
        summary: "List what happened to a license, newest first",
        tags: ["Licenses"],
        params: LicenseParams,
        querystring: Query,
        response: {
          200: response("One page of its history", pageOf("LicenseEvent")),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor } = request.query;
      return listLicenseEvents(api.ctx, request.params.key, {
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
    },
  );
}
