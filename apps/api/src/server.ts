import rateLimitPlugin from "@fastify/rate-limit";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { installAdmin } from "./admin/index.ts";
import { Announcements } from "./announcements.ts";
import { type Api, type ApiOptions, DEFAULT_RATE_LIMITS } from "./api.ts";
import { installAuthentication } from "./authentication.ts";
import { installBodyDeadline } from "./body-deadline.ts";
import { installDocs } from "./docs.ts";
import { EqualRequests } from "./equal-requests.ts";
import { installErrorHandling, refuseMalformed, sendProblem } from "./error-handling.ts";
import { installJsonBody } from "./json-body.ts";
import { LongRequests } from "./long-requests.ts";
import { installOpenapi } from "./openapi.ts";
import { MAX_BODY_BYTES } from "./request-error.ts";
import { requestId } from "./request-id.ts";
import { installRequestLog } from "./request-log.ts";
import { installRoutes } from "./routes/index.ts";
import { validatorCompiler } from "./validation.ts";

export type { ApiOptions, RateLimits } from "./api.ts";

/** How long a request's headers may take to arrive, and then its body. Milliseconds. */
const ARRIVAL_TIMEOUT_MS = 30_000;

/** Builds the HTTP server; the caller lets it listen, and closes it before what it was given. */
export async function buildApi(options: ApiOptions): Promise<FastifyInstance> {
  const api: Api = {
    ...options,
    limits: { ...DEFAULT_RATE_LIMITS, ...options.rateLimits },
    announcements: new Announcements(options.ctx.log),
    equalRequests: new EqualRequests(),
    longRequests: new LongRequests(),
  };
  const app: FastifyInstance = Fastify({
    loggerInstance: options.ctx.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    bodyLimit: MAX_BODY_BYTES,
    trustProxy: options.trustProxy ?? false,
    forceCloseConnections: "idle",
    // What has arrived is served, also while the server closes.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => void sendProblem(request, reply, error),
    clientErrorHandler: refuseMalformed,
  });
  app.server.headersTimeout = ARRIVAL_TIMEOUT_MS;
  installBodyDeadline(app, ARRIVAL_TIMEOUT_MS);
  app.setValidatorCompiler(validatorCompiler);
  // The answers are typed where they are made; filtering them by their documentation would only lose fields.
  app.setSerializerCompiler(() => JSON.stringify);
  installRequestLog(app);
  installErrorHandling(app);
  installJsonBody(app);
  installShutdown(app, api);
  await app.register(rateLimitPlugin, { global: false });
  await installOpenapi(app, options.version);
  installAuthentication(app, options.ctx);
  installRoutes(app, api);
  await installDocs(app);
  await installAdmin(app, api);
  await app.ready();
  return app;
}

/** Closing ends the waits and streams, answers what is under way, and sees announcements through. */
function installShutdown(app: FastifyInstance, api: Api): void {
  app.addHook("preClose", async () => api.longRequests.close());
  app.addHook("onSend", async (_request, reply) => {
    // A connection kept alive would hold up the closing until its idle timeout.
    if (api.longRequests.closing) reply.header("connection", "close");
  });
  app.addHook("onClose", async () => api.announcements.settled());
}
