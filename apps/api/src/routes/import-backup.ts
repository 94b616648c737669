import type { Readable } from "node:stream";
import { importBackup, validationError } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { component, problems, response } from "../schemas.ts";
import { acceptAny } from "../validation.ts";

const ROUTE = "/v1/backups/import";
const MEDIA_TYPES = ["application/x-tar", "application/octet-stream"];

export function importBackupRoute(app: FastifyInstance, api: Api): void {
  // Apart from the other routes: their bodies are JSON, and are read whole.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(MEDIA_TYPES, (_request, payload, done) => done(null, payload));
    const refusal = validationError([
      { pointer: "/headers/content-type", detail: `must be ${MEDIA_TYPES.join(" or ")}` },
    ]);
    scope.addContentTypeParser("*", (_request, _payload, done) => done(refusal));
    scope.post(
      ROUTE,
      {
        config: { scope: "backups:write", streamedBody: true },
        validatorCompiler: acceptAny,
        schema: {
          operationId: "importBackup",
          summary: "Take in an archive that another installation exported",
          description:
            "It is checked whole before it is kept, and refused unless it was signed by this installation's `BACKUP_KEY`. Restore it as a copy, or in place of a tenant of the same license.",
          tags: ["Backups"],
          consumes: MEDIA_TYPES,
          body: Type.String({ format: "binary", description: "The archive, as it was downloaded" }),
          response: {
            201: response("It is kept", component("Backup"), { Location: "The backup" }),
            ...problems(400, 401, 403, 409, 422, 503),
          },
        },
      },
      async (request, reply) => {
        if (request.body === undefined) {
          throw validationError([{ pointer: "", detail: "is missing: send the archive" }]);
        }
        const caller = callerOf(request, null, `POST ${ROUTE}`);
        const backup = await importBackup(api.ctx, request.body as Readable, caller);
        return reply.code(201).header("location", `/v1/backups/${backup.id}`).send(backup);
      },
    );
  });
}
