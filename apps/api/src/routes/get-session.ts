import { getSession } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { bearerToken } from "../authentication.ts";
import { component, problems, response } from "../schemas.ts";

export function getSessionRoute(app: FastifyInstance, api: Api): void {
  app.get(
    "/v1/session",
    {
      config: { scope: "session" },
      schema: {
        operationId: "getSession",
        summary: "Read who a session's token speaks for",
        tags: ["Sessions"],
        response: {
          200: response(
            "License, tenant and user as they are now",
            Type.Object({
              license: component("License"),
              user: component("TenantUser"),
              tenant: component("Tenant"),
            }),
          ),
          ...problems(401, 403, 409, 503),
        },
      },
    },
    async (request) => getSession(api.ctx, bearerToken(request)),
  );
}
