import { once } from "node:events";
import { PassThrough } from "node:stream";
import { getOperation, isFinished, toOperation, validationError } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { toOperationAnswer } from "../operation-answer.ts";
import { OperationParams } from "../operation-params.ts";
import { readLastEventId } from "../request-headers.ts";
import { problems } from "../schemas.ts";

/** Proxies close a connection that is silent for long; many do after 30 or 60 seconds. */
const HEARTBEAT_MS = 15_000;

export function operationEventsRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: OperationParams }>(
    "/v1/operations/:id/events",
    {
      // A HEAD would open a stream that nobody reads.
      exposeHeadRoute: false,
      config: { scope: "operations:read" },
      schema: {
        operationId: "watchOperation",
        summary: "Watch an operation as Server-Sent Events",
        description:
          "Events `progress`, `succeeded`, `failed` and `canceled`, each with the operation as data; the stream ends after the last. `Last-Event-ID` goes on from there.",
        tags: ["Operations"],
        params: OperationParams,
        headers: Type.Object({
          "last-event-id": Type.Optional(Type.String({ description: "The `id` of the last event seen" })),
        }),
        response: {
          200: {
            description: "The events",
            content: { "text/event-stream": { schema: Type.String() } },
          },
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const seen = readLastEventId(request.headers);
      if (seen !== null && typeof seen !== "number") throw validationError([seen]);
      // While a refusal still can be a status.
      await getOperation(api.ctx, id);

      const open = api.longRequests.begin(reply);
      const stream = new PassThrough();
      const heartbeat = setInterval(() => stream.write(": still here\n\n"), HEARTBEAT_MS);
      const pump = async (): Promise<void> => {
        for await (const row of api.watch.follow(id, open.signal)) {
          if (row.revision <= (seen ?? -1) && !isFinished(row.state)) continue;
          const event = isFinished(row.state) ? row.state : "progress";
          const data = JSON.stringify(toOperationAnswer(toOperation(row)));
          const flowing = stream.write(`id: ${row.revision}\nevent: ${event}\ndata: ${data}\n\n`);
          if (!flowing) await once(stream, "drain", { signal: open.signal });
        }
      };
      stream.write("retry: 1000\n\n");
      pump()
        .catch((error: unknown) => {
          // The client comes back by itself, with the last id that it saw.
          if (!open.signal.aborted)
            request.log.warn({ err: error, operationId: id }, "event stream broke off");
        })
        .finally(() => {
          clearInterval(heartbeat);
          open.end();
          stream.end();
        });
      return reply
        .type("text/event-stream; charset=utf-8")
        .header("cache-control", "no-cache, no-transform")
        .header("x-accel-buffering", "no")
        .send(stream);
    },
  );
}
