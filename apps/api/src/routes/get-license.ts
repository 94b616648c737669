import { getLicense } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { component, problems, response } from "../schemas.ts";

const Params = Type.Object({ key: Type.String({ maxLength: 64, description: "The license key" }) });

export function getLicenseRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: Static<typeof Params> }>(
    "/v1/licenses/:key",
    {
      config: { scope: "licenses:read" },
      schema: {
        operationId: "getLicense",
        summary: "Read a license and its tenant",
        tags: ["Licenses"],
        params: Params,
        response: {
          200: response(
            "The license",
            Type.Object({ license: component("License"), tenant: component("Tenant") }),
          ),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request) => getLicense(api.ctx, request.params.key),
  );
}
