import { dropKept } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { problems } from "../schemas.ts";

const Params = Type.Object({ id: Type.String({ maxLength: 64, description: "The kept schema's id" }) });

export function dropKeptSchemaRoute(app: FastifyInstance, api: Api): void {
  app.delete<{ Params: Static<typeof Params> }>(
    "/v1/kept-schemas/:id",
    {
      config: { scope: "backups:write" },
      schema: {
        operationId: "dropKeptSchema",
        summary: "Drop a schema that a restore has put aside, before its time",
        tags: ["Backups"],
        params: Params,
        response: {
          204: { description: "It is gone" },
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await dropKept(api.ctx, id, callerOf(request, null, `DELETE /v1/kept-schemas/${id}`));
      return reply.code(204).send();
    },
  );
}
