import { orderVerify, schemaFaults, validationError } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { BackupParams } from "../backup-params.ts";
import { noFields } from "../no-fields.ts";
import { readWorkHeaders } from "../request-headers.ts";
import { component, problems, WORK_HEADERS, workResponses } from "../schemas.ts";
import { acceptAnyBody } from "../validation.ts";
import { answerWork } from "../work-answer.ts";

export function verifyBackupRoute(app: FastifyInstance, api: Api): void {
  app.post<{ Params: BackupParams }>(
    "/v1/backups/:id/verify",
    {
      config: { scope: "backups:write" },
      validatorCompiler: acceptAnyBody,
      schema: {
        operationId: "verifyBackup",
        summary: "Prove that a backup can come back",
        description:
          "Restores it into a scratch schema, compares rows, checksums, constraints and sequences, and drops the scratch. `verifiedAt` says when that last went well.",
        tags: ["Backups"],
        params: BackupParams,
        headers: WORK_HEADERS,
        response: {
          ...workResponses(
            "It can come back (with `Prefer: wait`)",
            Type.Object({ operation: component("Operation") }),
          ),
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { idempotencyKey, waitSeconds, faults: headerFaults } = readWorkHeaders(request.headers);
      const faults = [...headerFaults, ...schemaFaults(noFields, request.body ?? {})];
      if (faults.length > 0) throw validationError(faults);
      const caller = callerOf(request, idempotencyKey, `POST /v1/backups/${id}/verify`);
      return answerWork(api, request, reply, await orderVerify(api.ctx, { id }, caller), waitSeconds);
    },
  );
}
