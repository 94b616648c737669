import { announceNew } from "@tenantry/jobs";
import { findAcceptedMigration, migrateLegacy, parseLegacyMigration } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { parseRequest } from "../parse-request.ts";
import { readWorkHeaders } from "../request-headers.ts";
import { answerRun, RUN_RESPONSES } from "../run-answer.ts";
import { component, WORK_HEADERS } from "../schemas.ts";
import { acceptAny } from "../validation.ts";

const ROUTE = "/v1/legacy-migrations";

export function createLegacyMigrationRoute(app: FastifyInstance, api: Api): void {
  app.post(
    ROUTE,
    {
      config: { scope: "legacy:write" },
      validatorCompiler: acceptAny,
      schema: {
        operationId: "createLegacyMigration",
        summary: "Move licenses in from a legacy system",
        description:
          "One run: planned first, then a child for each license. With `dryRun` it ends with the plan, and writes nothing else.",
        tags: ["Legacy migrations"],
        headers: WORK_HEADERS,
        body: component("LegacyMigration"),
        response: RUN_RESPONSES,
      },
    },
    async (request, reply) => {
      const { idempotencyKey, waitSeconds, faults } = readWorkHeaders(request.headers);
      const caller = callerOf(request, idempotencyKey, `POST ${ROUTE}`);
      // A repetition is answered before it is looked at: what was good then needn't be good any more.
      const earlier = faults.length > 0 ? null : await findAcceptedMigration(api.ctx, caller);
      const outcome =
        earlier ??
        (await migrateLegacy(
          api.ctx,
          parseRequest(faults, () => parseLegacyMigration(request.body ?? {}, api.ctx)),
          caller,
        ));
      const { entry } = outcome;
      return answerRun(api, request, reply, outcome, waitSeconds, async () => {
        if (entry !== null) await announceNew(api.ctx, api.queues, entry);
      });
    },
  );
}
