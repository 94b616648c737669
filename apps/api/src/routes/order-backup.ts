import { normalizeLicenseKey, orderBackup, schemaFaults, validationError } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { LicenseParams } from "../license-params.ts";
import { noFields } from "../no-fields.ts";
import { readWorkHeaders } from "../request-headers.ts";
import { component, problems, WORK_HEADERS, workResponses } from "../schemas.ts";
import { acceptAnyBody } from "../validation.ts";
import { answerWork } from "../work-answer.ts";

export function orderBackupRoute(app: FastifyInstance, api: Api): void {
  app.post<{ Params: LicenseParams }>(
    "/v1/licenses/:key/backups",
    {
      config: { scope: "backups:write" },
      validatorCompiler: acceptAnyBody,
      schema: {
        operationId: "orderBackup",
        summary: "Back up a license's tenant",
        description: "As it is at one moment, while it is in use. It is in lists when it is whole.",
        tags: ["Backups"],
        params: LicenseParams,
        headers: WORK_HEADERS,
        response: {
          ...workResponses(
            "The backup is made (with `Prefer: wait`)",
            Type.Object({ operation: component("Operation"), backup: component("Backup") }),
          ),
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request, reply) => {
      const { idempotencyKey, waitSeconds, faults: headerFaults } = readWorkHeaders(request.headers);
      const faults = [...headerFaults, ...schemaFaults(noFields, request.body ?? {})];
      if (faults.length > 0) throw validationError(faults);
      const licenseKey = normalizeLicenseKey(request.params.key);
      const caller = callerOf(request, idempotencyKey, `POST /v1/licenses/${licenseKey}/backups`);
      const accepted = await orderBackup(api.ctx, { licenseKey }, caller);
      return answerWork(api, request, reply, accepted, waitSeconds);
    },
  );
}
