import { eraseLicenseAndJobs } from "@tenantry/jobs";
import { normalizeLicenseKey, validationError } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { ConfirmQuery, confirmFaults } from "../confirm-query.ts";
import { LicenseParams } from "../license-params.ts";
import { problems } from "../schemas.ts";

export function eraseLicenseRoute(app: FastifyInstance, api: Api): void {
  app.delete<{ Params: LicenseParams; Querystring: Static<typeof ConfirmQuery> }>(
    "/v1/licenses/:key/backups",
    {
      config: { scope: "backups:write" },
      schema: {
        operationId: "eraseLicense",
        summary: "Erase a deleted license's backups and what is known of its client",
        description:
          "For good: the backups' keys are destroyed, and the control data's older backups with them. The record of the license stays, without a name. Only after its tenant was deleted.",
        tags: ["Backups"],
        params: LicenseParams,
        querystring: ConfirmQuery,
        response: {
          204: { description: "Nothing of it is left" },
          ...problems(400, 401, 403, 404, 409, 503),
        },
      },
    },
    async (request, reply) => {
      const licenseKey = normalizeLicenseKey(request.params.key);
      const faults = confirmFaults(licenseKey, request.query.confirm);
      if (faults.length > 0) throw validationError(faults);
      const caller = callerOf(request, null, `DELETE /v1/licenses/${licenseKey}/backups`);
      await eraseLicenseAndJobs(api.ctx, api.queues, { licenseKey }, caller);
      return reply.code(204).send();
    },
  );
}
