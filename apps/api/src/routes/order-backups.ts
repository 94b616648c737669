import { findAcceptedRun, orderBackups, parseOrderBackups } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { parseRequest } from "../parse-request.ts";
import { readWorkHeaders } from "../request-headers.ts";
import { answerRun, RUN_RESPONSES } from "../run-answer.ts";
import { component, WORK_HEADERS } from "../schemas.ts";
import { acceptAny } from "../validation.ts";

const ROUTE = "/v1/backups";

export function orderBackupsRoute(app: FastifyInstance, api: Api): void {
  app.post(
    ROUTE,
    {
      config: { scope: "backups:write" },
      validatorCompiler: acceptAny,
      schema: {
        operationId: "orderBackups",
        summary: "Back up everything, or many tenants",
        description:
          "One run with a child for each tenant, and one for the control data when no license is named. Where one can't be backed up, that child fails, and holds up no other.",
        tags: ["Backups"],
        headers: WORK_HEADERS,
        body: component("OrderBackups"),
        response: RUN_RESPONSES,
      },
    },
    async (request, reply) => {
      const { idempotencyKey, waitSeconds, faults } = readWorkHeaders(request.headers);
      const caller = callerOf(request, idempotencyKey, `POST ${ROUTE}`);
      const earlier = faults.length > 0 ? null : await findAcceptedRun(api.ctx, caller);
      if (earlier !== null) return answerRun(api, request, reply, earlier, waitSeconds);
      const input = parseRequest(faults, () => parseOrderBackups(request.body ?? {}));
      return answerRun(api, request, reply, await orderBackups(api.ctx, input, caller), waitSeconds);
    },
  );
}
