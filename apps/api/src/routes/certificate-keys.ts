import { publishedCertificateKeys } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { problems, response } from "../schemas.ts";

const Jwk = Type.Object({
  kty: Type.Literal("OKP"),
  crv: Type.Literal("Ed25519"),
  alg: Type.Literal("EdDSA"),
  use: Type.Literal("sig"),
  kid: Type.String(),
  x: Type.String({ description: "The public key, base64url" }),
});

/** The keys change only when somebody rotates them; a verifier that meets an unknown one asks again anyway. */
const CACHE = "public, max-age=300";

export function certificateKeysRoute(app: FastifyInstance, api: Api): void {
  app.get(
    "/v1/certificate-keys",
    {
      config: { scope: "public" },
      schema: {
        operationId: "listCertificateKeys",
        summary: "The public keys that license files are verified with",
        description:
          "A JWK set (RFC 7517). A replaced key stays in it until the last certificate that it signed has ended.",
        tags: ["Licenses"],
        response: { 200: response("The keys", Type.Object({ keys: Type.Array(Jwk) })), ...problems(503) },
      },
    },
    async (_request, reply) => {
      const keys = await publishedCertificateKeys(api.ctx);
      reply.header("cache-control", CACHE);
      return { keys };
    },
  );
}
