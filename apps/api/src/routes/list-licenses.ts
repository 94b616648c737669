import { LICENSE_STATUSES, type LicenseStatus, listLicenses } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { DEFAULT_LIMIT, PAGE_QUERY, pageOf, problems, response } from "../schemas.ts";

const Query = Type.Object(
  {
    status: Type.Optional(Type.Enum([...LICENSE_STATUSES])),
    blueprint: Type.Optional(Type.String({ maxLength: 63 })),
    q: Type.Optional(
      Type.String({
        maxLength: 256,
        description: "Part of a key, client name, company or e-mail address, in any case",
      }),
    ),
    ...PAGE_QUERY,
  },
  { additionalProperties: false },
);

export function listLicensesRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/licenses",
    {
      config: { scope: "licenses:read" },
      schema: {
        operationId: "listLicenses",
        summary: "List licenses, newest first",
        tags: ["Licenses"],
        querystring: Query,
        response: {
          200: response("One page of licenses", pageOf("License")),
          ...problems(400, 401, 403, 503),
        },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor, status, blueprint, q } = request.query;
      return listLicenses(
        api.ctx,
        {
          ...(status === undefined ? {} : { status: status as LicenseStatus }),
          ...(blueprint === undefined ? {} : { blueprint }),
          ...(q === undefined ? {} : { q }),
        },
        { limit, ...(cursor === undefined ? {} : { cursor }) },
      );
    },
  );
}
