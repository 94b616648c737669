import { CERTIFICATE_DAYS, issueCertificate } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { problems, response } from "../schemas.ts";

const Params = Type.Object({ key: Type.String({ maxLength: 64, description: "The license key" }) });

export function getCertificateRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: Static<typeof Params> }>(
    "/v1/licenses/:key/certificate",
    {
      config: { scope: "licenses:read" },
      schema: {
        operationId: "getCertificate",
        summary: "Get a signed license file for checks without a connection",
        description: `Valid for ${CERTIFICATE_DAYS} days or until the license ends, and not to be taken back. Verify it with the keys of \`/v1/certificate-keys\`.`,
        tags: ["Licenses"],
        params: Params,
        response: {
          200: response(
            "The license file, to be kept as it is",
            Type.Object({ certificate: Type.String({ description: "JWS in compact form, EdDSA" }) }),
          ),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request) => (await issueCertificate(api.ctx, request.params.key)).file,
  );
}
