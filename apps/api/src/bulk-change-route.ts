import {
  type BulkVerb,
  CHANGE_LICENSES_REQUESTS,
  changeLicenses,
  findAcceptedRun,
  parseChangeLicenses,
} from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "./api.ts";
import { callerOf } from "./authentication.ts";
import { parseRequest } from "./parse-request.ts";
import { readWorkHeaders } from "./request-headers.ts";
import { answerRun, RUN_RESPONSES } from "./run-answer.ts";
import { WORK_HEADERS } from "./schemas.ts";
import { acceptAny } from "./validation.ts";

/** What the routes that change many licenses have in common: a run with a child for each. */
export function bulkChangeRoute(
  app: FastifyInstance,
  api: Api,
  verb: BulkVerb,
  documentation: { readonly operationId: string; readonly summary: string },
): void {
  const path = `/v1/licenses/bulk/${verb}`;
  app.post(
    path,
    {
      config: { scope: "licenses:write" },
      validatorCompiler: acceptAny,
      schema: {
        ...documentation,
        description:
          "One run with a child for each license, named by a list or found by a filter. Where it doesn't fit a license, that child fails, and holds up no other.",
        tags: ["Licenses"],
        headers: WORK_HEADERS,
        body: CHANGE_LICENSES_REQUESTS[verb],
        response: RUN_RESPONSES,
      },
    },
    async (request, reply) => {
      const { idempotencyKey, waitSeconds, faults } = readWorkHeaders(request.headers);
      const caller = callerOf(request, idempotencyKey, `POST ${path}`);
      const earlier = faults.length > 0 ? null : await findAcceptedRun(api.ctx, caller);
      if (earlier !== null) return answerRun(api, request, reply, earlier, waitSeconds);
      const input = parseRequest(faults, () => parseChangeLicenses(verb, request.body ?? {}));
      return answerRun(api, request, reply, await changeLicenses(api.ctx, input, caller), waitSeconds);
    },
  );
}
