import { orderRestore, parseRestore } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { BackupParams } from "../backup-params.ts";
import { parseRequest } from "../parse-request.ts";
import { readWorkHeaders } from "../request-headers.ts";
import { component, problems, WORK_HEADERS, workResponses } from "../schemas.ts";
import { acceptAnyBody } from "../validation.ts";
import { answerWork } from "../work-answer.ts";

export function restoreBackupRoute(app: FastifyInstance, api: Api): void {
  app.post<{ Params: BackupParams }>(
    "/v1/backups/:id/restore",
    {
      config: { scope: "backups:write" },
      validatorCompiler: acceptAnyBody,
      schema: {
        operationId: "restoreBackup",
        summary: "Bring a backup back, in place of the tenant or beside it",
        description:
          "Loaded into a new schema and verified first: until then nothing that is in use changes. `replace` keeps what it replaces for a while (see `/v1/kept-schemas`) and ends the tenant's sessions. `copy` makes a new license.",
        tags: ["Backups"],
        params: BackupParams,
        headers: WORK_HEADERS,
        body: component("Restore"),
        response: {
          ...workResponses(
            "It is back (with `Prefer: wait`)",
            Type.Object({ operation: component("Operation") }),
          ),
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { idempotencyKey, waitSeconds, faults } = readWorkHeaders(request.headers);
      const caller = callerOf(request, idempotencyKey, `POST /v1/backups/${id}/restore`);
      const input = parseRequest(faults, () => parseRestore(request.body ?? {}));
      const accepted = await orderRestore(api.ctx, { id, ...input }, caller);
      return answerWork(api, request, reply, accepted, waitSeconds);
    },
  );
}
