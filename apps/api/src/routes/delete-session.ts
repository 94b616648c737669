import { endSession } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { bearerToken } from "../authentication.ts";
import { problems } from "../schemas.ts";

export function deleteSessionRoute(app: FastifyInstance, api: Api): void {
  app.delete(
    "/v1/session",
    {
      config: { scope: "session" },
      schema: {
        operationId: "deleteSession",
        summary: "Sign out",
        tags: ["Sessions"],
        response: { 204: Type.Null({ description: "Signed out" }), ...problems(401, 503) },
      },
    },
    async (request, reply) => {
      await endSession(api.ctx, bearerToken(request));
      return reply.code(204).send();
    },
  );
}
