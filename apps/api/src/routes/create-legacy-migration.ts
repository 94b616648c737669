import { announceNew } from "@tenantry/jobs";
import {
  type Caller,
  type Fault,
  findAcceptedMigration,
  type MigrateLegacyOutcome,
  migrateLegacy,
  parseLegacyMigration,
  sourceRoot,
} from "@tenantry/tenancy";
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
      const outcome = earlier ?? (await accept(api, faults, request.body, caller));
      const { entry } = outcome;
      return answerRun(api, request, reply, outcome, waitSeconds, async () => {
        if (entry !== null) await announceNew(api.ctx, api.queues, entry);
      });
    },
  );
}

/** A source that isn't there is the caller's mistake, and told at once: not by an operation that has failed. */
async function accept(
  api: Api,
  faults: readonly Fault[],
  body: unknown,
  caller: Caller,
): Promise<MigrateLegacyOutcome> {
  const input = parseRequest(faults, () => parseLegacyMigration(body ?? {}, api.ctx));
  await sourceRoot(api.ctx, input);
  return migrateLegacy(api.ctx, input, caller);
}
