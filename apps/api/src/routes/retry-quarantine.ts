import { parseRetryQuarantine, retryQuarantineOnce } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { LegacyRunParams } from "../legacy-run-params.ts";
import { parseRequest } from "../parse-request.ts";
import { readWorkHeaders } from "../request-headers.ts";
import { component, IDEMPOTENCY_HEADERS, problems, response } from "../schemas.ts";
import { acceptAnyBody } from "../validation.ts";

/** A thousand rows with texts and blobs in them. */
const MAX_ROWS_BYTES = 33_554_432;

export function retryQuarantineRoute(app: FastifyInstance, api: Api): void {
  app.post<{ Params: LegacyRunParams }>(
    "/v1/legacy-migrations/:id/quarantine/retry",
    {
      config: { scope: "legacy:write" },
      bodyLimit: MAX_ROWS_BYTES,
      validatorCompiler: acceptAnyBody,
      schema: {
        operationId: "retryQuarantine",
        summary: "Import rows out of quarantine",
        description:
          "Corrected ones, or all that wait, as they are. What is refused stays, and the answer says why. A row is imported once, however often it is sent.",
        tags: ["Legacy migrations"],
        params: LegacyRunParams,
        headers: IDEMPOTENCY_HEADERS,
        body: component("RetryQuarantine"),
        response: {
          200: response("What became of the rows", component("QuarantineRetry"), {
            "Idempotency-Replayed": "`true` when this is the answer to an earlier request",
          }),
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { idempotencyKey, faults } = readWorkHeaders(request.headers);
      const caller = callerOf(request, idempotencyKey, `POST /v1/legacy-migrations/${id}/quarantine/retry`);
      const { outcome, replayed } = await api.equalRequests.inTurn(caller, async () => {
        const input = parseRequest(faults, () => parseRetryQuarantine(request.body ?? {}));
        return retryQuarantineOnce(api.ctx, id, input, caller);
      });
      if (replayed) reply.header("idempotency-replayed", "true");
      return outcome;
    },
  );
}
