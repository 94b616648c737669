import { migrateFleet, parseFleetMigration } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { parseRequest } from "../parse-request.ts";
import { readWorkHeaders } from "../request-headers.ts";
import { component, problems, WORK_HEADERS, workResponses } from "../schemas.ts";
import { acceptAny } from "../validation.ts";
import { answerWork } from "../work-answer.ts";

const ROUTE = "/v1/fleet-migrations";

export function createFleetMigrationRoute(app: FastifyInstance, api: Api): void {
  app.post(
    ROUTE,
    {
      config: { scope: "fleet:write" },
      validatorCompiler: acceptAny,
      schema: {
        operationId: "createFleetMigration",
        summary: "Bring tenants to their blueprint's last version",
        description:
          "Those that are behind, in waves: a canary first, then ever larger ones. More failures than `maxFailures` pause the run; a tenant that fails keeps its old version, whole. One run of a blueprint at a time.",
        tags: ["Fleet migrations"],
        headers: WORK_HEADERS,
        body: component("FleetMigration"),
        response: {
          ...workResponses(
            "The run has ended (with `Prefer: wait`); tenants may have failed",
            Type.Object({ operation: component("Operation") }),
          ),
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request, reply) => {
      const { idempotencyKey, waitSeconds, faults } = readWorkHeaders(request.headers);
      const caller = callerOf(request, idempotencyKey, `POST ${ROUTE}`);
      const input = parseRequest(faults, () => parseFleetMigration(request.body ?? {}, api.ctx));
      return answerWork(api, request, reply, await migrateFleet(api.ctx, input, caller), waitSeconds);
    },
  );
}
