import { getBackup } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { BackupParams } from "../backup-params.ts";
import { component, problems, response } from "../schemas.ts";

export function getBackupRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: BackupParams }>(
    "/v1/backups/:id",
    {
      config: { scope: "backups:read" },
      schema: {
        operationId: "getBackup",
        summary: "Show a backup",
        tags: ["Backups"],
        params: BackupParams,
        response: {
          200: response("The backup", component("Backup")),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request) => getBackup(api.ctx, request.params.id),
  );
}
