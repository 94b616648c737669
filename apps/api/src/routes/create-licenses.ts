import { createLicenses, findAcceptedRun, PaceChoice, parseCreateLicenses } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { parseRequest } from "../parse-request.ts";
import { readWorkHeaders } from "../request-headers.ts";
import { answerRun, RUN_RESPONSES } from "../run-answer.ts";
import { component, WORK_HEADERS } from "../schemas.ts";
import { acceptAny } from "../validation.ts";

/** A thousand requests with notes of 10,000 characters, in any script. */
const MAX_BULK_BYTES = 33_554_432;

export function createLicensesRoute(app: FastifyInstance, api: Api): void {
  app.post(
    "/v1/licenses/bulk",
    {
      config: { scope: "licenses:write" },
      bodyLimit: MAX_BULK_BYTES,
      validatorCompiler: acceptAny,
      schema: {
        operationId: "createLicenses",
        summary: "Create up to 1,000 licenses and their tenants",
        description:
          "One run with a child for each item. A bad item is a child that has failed, and holds up no other. The passwords are hashed before the answer, which takes a while for many: send an `Idempotency-Key`, and ask again under it if the connection breaks.",
        tags: ["Licenses"],
        headers: WORK_HEADERS,
        body: Type.Object({
          licenses: Type.Array(component("CreateLicense"), { minItems: 1, maxItems: 1_000 }),
          pace: Type.Optional(PaceChoice),
        }),
        response: RUN_RESPONSES,
      },
    },
    async (request, reply) => {
      const { idempotencyKey, waitSeconds, faults } = readWorkHeaders(request.headers);
      const caller = callerOf(request, idempotencyKey, "POST /v1/licenses/bulk");
      const outcome = await api.equalRequests.inTurn(caller, async () => {
        const earlier = faults.length > 0 ? null : await findAcceptedRun(api.ctx, caller);
        if (earlier !== null) return earlier;
        const order = parseRequest(faults, () => parseCreateLicenses(request.body ?? {}));
        return createLicenses(api.ctx, order, caller);
      });
      return answerRun(api, request, reply, outcome, waitSeconds);
    },
  );
}
