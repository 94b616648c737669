import { getLicense } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { LicenseParams } from "../license-params.ts";
import { component, problems, response } from "../schemas.ts";

export function getLicenseRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: LicenseParams }>(
    "/v1/licenses/:key",
    {
      config: { scope: "licenses:read" },
      schema: {
        operationId: "getLicense",
        summary: "Read a license and its tenant",
        tags: ["Licenses"],
        params: LicenseParams,
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
