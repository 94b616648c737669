import { TenancyError } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { problems, response } from "../schemas.ts";

/** A probe wants an answer before its own patience ends. */
const TIMEOUT_MS = 2_500;

export function readyzRoute(app: FastifyInstance, api: Api): void {
  app.get(
    "/readyz",
    {
      schema: {
        operationId: "readyz",
        summary: "Can it serve? Asks PostgreSQL and the queue",
        tags: ["Health"],
        response: {
          200: response(
            "Both answer",
            Type.Object({
              status: Type.Literal("ready"),
              postgresql: Type.Literal("up"),
              queue: Type.Literal("up"),
            }),
          ),
          ...problems(503),
        },
      },
    },
    async (request) => {
      const checks = {
        PostgreSQL: api.ctx.control.selectNoFrom((eb) => eb.lit(1).as("one")).execute(),
        [`the queue (${api.queues.store.kind})`]: api.queues.ping(),
      };
      const away: string[] = [];
      await Promise.all(
        Object.entries(checks).map(async ([name, check]) => {
          try {
            await withTimeout(check);
          } catch (error) {
            request.log.warn({ err: error, check: name }, "not ready");
            away.push(name);
          }
        }),
      );
      if (api.longRequests.closing) away.push("this process, which is shutting down");
      if (away.length > 0) {
        throw new TenancyError("UNAVAILABLE", `Away: ${away.join(", ")}.`, {
          hint: "Nothing to do unless it lasts: see whether PostgreSQL and the queue are up.",
          retryAfterSeconds: 2,
        });
      }
      return { status: "ready", postgresql: "up", queue: "up" };
    },
  );
}

async function withTimeout(check: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("no answer in time")), TIMEOUT_MS);
  try {
    await Promise.race([check, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
