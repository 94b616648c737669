import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { response } from "../schemas.ts";

export function livezRoute(app: FastifyInstance): void {
  app.get(
    "/livez",
    {
      schema: {
        operationId: "livez",
        summary: "Is the process alive?",
        tags: ["Health"],
        response: { 200: response("It is", Type.Object({ status: Type.Literal("alive") })) },
      },
    },
    async () => ({ status: "alive" }),
  );
}
