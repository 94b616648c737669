import { checkBackup, schemaFaults, validationError } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { BackupParams } from "../backup-params.ts";
import { noFields } from "../no-fields.ts";
import { component, problems, response } from "../schemas.ts";
import { acceptAnyBody } from "../validation.ts";

export function checkBackupRoute(app: FastifyInstance, api: Api): void {
  app.post<{ Params: BackupParams }>(
    "/v1/backups/:id/check",
    {
      config: { scope: "backups:write" },
      validatorCompiler: acceptAnyBody,
      schema: {
        operationId: "checkBackup",
        summary: "Check a backup's hashes, signature and encryption",
        description:
          "Reads the archive once and restores nothing: the cheap check. It needs no `Idempotency-Key`, since nothing is changed by asking twice.",
        tags: ["Backups"],
        params: BackupParams,
        response: {
          200: response("The archive is whole", component("Backup")),
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request) => {
      const faults = schemaFaults(noFields, request.body ?? {});
      if (faults.length > 0) throw validationError(faults);
      return checkBackup(api.ctx, request.params.id);
    },
  );
}
