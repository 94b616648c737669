import { printable } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";

/** One line for each request, without headers or body: they hold secrets. */
export function installRequestLog(app: FastifyInstance): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
  });
  app.addHook("onRequestAbort", async (request) => {
    request.log.info({ method: request.method, url: printable(request.url) }, "client went away");
  });
  app.addHook("onResponse", async (request, reply) => {
    const entry = {
      method: request.method,
      url: printable(request.url),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ip: request.ip,
      ...(request.apiCaller === null ? {} : { apiKey: printable(request.apiCaller.key.name) }),
    };
    // Probes and the dashboard's polling would drown the rest.
    const quiet = !request.url.startsWith("/v1") && reply.statusCode < 500;
    request.log[quiet ? "debug" : "info"](entry, "request");
  });
}
