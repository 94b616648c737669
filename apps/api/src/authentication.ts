import {
  type AuthenticatedKey,
  authenticateApiKey,
  type Caller,
  requestHash,
  type Scope,
  type TenancyContext,
  TenancyError,
} from "@tenantry/tenancy";
import type { FastifyInstance, FastifyRequest } from "fastify";

/** Who may use a route: holders of an API key with the scope, of a session's token, or everybody. */
export type Access = Scope | "session" | "public";

interface ApiCaller {
  readonly key: AuthenticatedKey;
  readonly token: string;
}

declare module "fastify" {
  interface FastifyContextConfig {
    scope?: Access;
  }
  interface FastifyRequest {
    apiCaller: ApiCaller | null;
  }
}

/** Guards everything under /v1. A route there that doesn't say who may use it stops the start. */
export function installAuthentication(app: FastifyInstance, ctx: TenancyContext): void {
  app.decorateRequest("apiCaller", null);
  app.addHook("onRoute", (route) => {
    if (!route.url.startsWith("/v1")) return;
    const access = route.config?.scope;
    if (access === undefined) throw new Error(`route ${route.method} ${route.url} declares no scope`);
    if (access !== "public") {
      const security = access === "session" ? [{ session: [] }] : [{ apiKey: [access] }];
      route.schema = { ...route.schema, security };
    }
  });
  app.addHook("onRequest", async (request, reply) => {
    const access = request.routeOptions.config.scope;
    if (access === undefined) return;
    reply.header("cache-control", "no-store");
    if (access === "public" || access === "session") return;
    const token = bearerToken(request);
    const key = await authenticateApiKey(ctx, token);
    if (!key.scopes.has(access)) {
      throw new TenancyError("FORBIDDEN", `The API key lacks the scope ${access}.`);
    }
    request.apiCaller = { key, token };
  });
}

/**
 * @throws TenancyError UNAUTHENTICATED when the request has no bearer token.
 */
export function bearerToken(request: FastifyRequest): string {
  const token = /^Bearer +([\w.~+/-]{1,512}=*) *$/i.exec(request.headers.authorization ?? "")?.[1];
  if (token === undefined) {
    throw new TenancyError(
      "UNAUTHENTICATED",
      "The Authorization header is missing or holds no bearer token.",
    );
  }
  return token;
}

/** The caller of a route for API keys. `route` tells the request from others under the same idempotency key. */
export function callerOf(request: FastifyRequest, idempotencyKey: string | null, route: string): Caller {
  const { apiCaller } = request;
  if (apiCaller === null) throw new Error(`route ${route} has no API key`);
  return {
    actor: `api-key:${apiCaller.key.name}`,
    apiKeyId: apiCaller.key.id,
    idempotency:
      idempotencyKey === null
        ? null
        : { key: idempotencyKey, requestHash: requestHash(apiCaller.token, route, request.body ?? {}) },
  };
}
