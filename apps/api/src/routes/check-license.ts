import { checkLicense } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { LicenseParams } from "../license-params.ts";
import { component, problems, response } from "../schemas.ts";

export function checkLicenseRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: LicenseParams }>(
    "/v1/licenses/:key/check",
    {
      config: { scope: "licenses:read" },
      // Each check is put on record; a look at the headers alone isn't one.
      exposeHeadRoute: false,
      schema: {
        operationId: "checkLicense",
        summary: "Check whether a license may be used",
        description: "The check is put on record, with the caller's address.",
        tags: ["Licenses"],
        params: LicenseParams,
        response: {
          200: response("Valid or not, and why not", component("LicenseCheck")),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request) =>
      checkLicense(api.ctx, request.params.key, {
        ip: request.ip,
        apiKeyId: request.apiCaller?.key.id ?? null,
      }),
  );
}
