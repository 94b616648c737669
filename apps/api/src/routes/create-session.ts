import { signIn } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { rateLimit } from "../rate-limit.ts";
import { component, problems, response } from "../schemas.ts";

const Body = Type.Object(
  {
    licenseKey: Type.String({ minLength: 1, maxLength: 64 }),
    username: Type.String({ minLength: 1, maxLength: 64 }),
    // Longer than a new one may be: passwords that moved in from a legacy system had no limit.
    password: Type.String({ minLength: 1, maxLength: 1024, format: "password" }),
  },
  { additionalProperties: false },
);

export function createSessionRoute(app: FastifyInstance, api: Api): void {
  app.post<{ Body: Static<typeof Body> }>(
    "/v1/sessions",
    {
      config: { scope: "public", rateLimit: rateLimit(api.limits.signIn) },
      schema: {
        operationId: "createSession",
        summary: "Sign a tenant's user in",
        tags: ["Sessions"],
        body: Body,
        response: {
          201: response(
            "Signed in",
            Type.Object({
              token: Type.String({ description: "Bearer token for /v1/session" }),
              expiresAt: Type.String({ format: "date-time" }),
              license: component("License"),
              user: component("TenantUser"),
            }),
          ),
          ...problems(400, 401, 403, 409, 423, 429, 503),
        },
      },
    },
    async (request, reply) => {
      const { licenseKey, username, password } = request.body;
      const ttlMs = api.sessionTtlMs;
      return reply.code(201).send(await signIn(api.ctx, { licenseKey, username, password, ttlMs }));
    },
  );
}
