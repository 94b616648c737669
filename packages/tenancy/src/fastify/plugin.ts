import type { FastifyInstance, FastifyRequest, RouteOptions } from "fastify";
import { fastifyPlugin } from "fastify-plugin";
import type { TenancyContext } from "../context.ts";
import type { LicenseWatch } from "../license-watch.ts";
import { admit, type TenantryAccess } from "./admission.ts";
import { readCredentials } from "./credentials.ts";
import { asTenancyError, sendProblem } from "./problem-reply.ts";
import { type OpenRequestTenant, openRequestTenant, type RequestTenant } from "./request-tenant.ts";

export interface TenantryPluginOptions {
  /** What `openInstallation` gave. It stays its owner's to close, after the server. */
  readonly installation: { readonly ctx: TenancyContext; readonly licenses: LicenseWatch };
  /** What routes ask for that say nothing themselves. Default: a session. */
  readonly access?: TenantryAccess;
  /** False for an application that answers errors itself; see `asTenancyError` and `sendProblem`. Default: true. */
  readonly problems?: boolean;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Who may use the route: whoever has signed in, whoever has a license key, or, with `false`, everybody. */
    tenantry?: TenantryAccess;
  }
  interface FastifyRequest {
    /** Whom the request speaks for. To read it in a route for everybody is an error. */
    readonly tenant: RequestTenant;
  }
}

const open = Symbol("tenantry.requestTenant");
type Guarded = FastifyRequest & { [open]: OpenRequestTenant | null };

const ACCESS: readonly unknown[] = ["session", "license-key", false, undefined];

/**
 * Lets in whoever may use the tenant, and puts `request.tenant` on the request. Every route of the instance that it is
 * registered on, and of those within, asks for a session unless it says otherwise: `{ config: { tenantry: … } }`.
 */
export const tenantry = fastifyPlugin(
  async (app: FastifyInstance, options: TenantryPluginOptions): Promise<void> => {
    const { ctx, licenses } = options.installation;
    const standard = options.access ?? "session";
    await licenses.start();

    app.decorateRequest(open as never, null as never);
    app.decorateRequest("tenant", {
      getter(this: FastifyRequest): RequestTenant {
        const { [open]: opened, routeOptions } = this as Guarded;
        if (opened !== null) return opened.tenant;
        throw new Error(
          `request.tenant: ${this.method} ${routeOptions.url} lets in everybody, so it has none`,
        );
      },
    });
    app.addHook("onRoute", (route: RouteOptions) => {
      // A typing mistake must not leave a route with another lock than was meant.
      if (ACCESS.includes(route.config?.tenantry)) return;
      throw new Error(
        `route ${route.method} ${route.url}: config.tenantry must be "session", "license-key" or false`,
      );
    });
    app.addHook("onRequest", async (request, reply) => {
      const access = request.routeOptions.config.tenantry ?? standard;
      // A path that doesn't exist has nothing to guard.
      if (access === false || request.is404) return;
      reply.header("cache-control", "no-store");
      try {
        const credentials = readCredentials(request);
        const again = () => admit(licenses, access, credentials);
        (request as Guarded)[open] = openRequestTenant(ctx, await again(), again);
      } catch (error) {
        const expected = asTenancyError(error);
        if (expected === undefined) throw error;
        return sendProblem(request, reply, expected);
      }
    });
    app.addHook("onResponse", async (request) => (request as Guarded)[open]?.end());
    if (options.problems === false) return;
    app.setErrorHandler((error, request, reply) => {
      const expected = asTenancyError(error);
      // What isn't Tenantry's goes on to whoever handles the application's errors.
      if (expected === undefined) throw error;
      return sendProblem(request, reply, expected);
    });
  },
  { name: "tenantry", fastify: "5.x" },
);
