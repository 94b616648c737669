import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { refuseMalformed } from "./error-handling.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The body may take as long as it likes, as long as it goes on arriving. */
    streamedBody?: boolean;
  }
}

/**
 * Cuts off requests whose body doesn't arrive in time: whole, or where the route streams it, anything of it. Node's own
 * limit knows one time for all requests, and an archive of some gigabytes takes longer than an order may.
 *
 * @param limitMs For the whole body, or for the silence in a streamed one. Milliseconds.
 */
export function installBodyDeadline(app: FastifyInstance, limitMs: number): void {
  app.addHook("onRequest", async (request, reply) => {
    const { raw } = request;
    if (raw.complete) return;
    const streamed = request.routeOptions.config.streamedBody === true;
    let received = raw.socket.bytesRead;
    const timer = setInterval(() => {
      // What waits to be read by us is no fault of the client's.
      const goesOn = raw.socket.bytesRead > received || raw.readableLength > 0;
      received = raw.socket.bytesRead;
      if (raw.complete || raw.socket.destroyed) clearInterval(timer);
      else if (!streamed || !goesOn) cutOff(request, reply);
    }, limitMs).unref();
    // An answer that went out before the body had come leaves a body to be waited for.
    reply.raw.once("close", () => {
      if (raw.complete || raw.socket.destroyed) clearInterval(timer);
    });
  });
}

function cutOff({ raw: { socket } }: FastifyRequest, reply: FastifyReply): void {
  if (reply.raw.headersSent) {
    socket.destroy();
    return;
  }
  refuseMalformed(Object.assign(new Error("body too slow"), { code: "ERR_HTTP_REQUEST_TIMEOUT" }), socket);
  socket.destroySoon();
}
