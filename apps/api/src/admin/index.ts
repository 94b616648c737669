import cookie from "@fastify/cookie";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { installBoard } from "./board.ts";
import { refuseForeignChange, requireOps } from "./guard.ts";
import { loginRoutes } from "./login-routes.ts";

/** Everything under /admin: the login, and behind it the dashboard. */
export async function installAdmin(app: FastifyInstance, api: Api): Promise<void> {
  await app.register(async (admin) => {
    await admin.register(cookie);
    admin.addHook("onRequest", async (request, reply) => {
      reply.header("cache-control", "no-store");
      reply.header("x-content-type-options", "nosniff");
      // `no-referrer` would also take the Origin header from our own forms.
      reply.header("referrer-policy", "same-origin");
      return refuseForeignChange(request, reply);
    });
    await admin.register(async (open) => loginRoutes(open, api), { prefix: "/admin" });
    admin.get("/admin", { schema: { hide: true } }, async (_request, reply) =>
      reply.redirect("/admin/queues", 303),
    );
    await admin.register(async (guarded) => {
      guarded.addHook("onRequest", async (request, reply) => requireOps(api, request, reply));
      await installBoard(guarded, api);
    });
  });
}
