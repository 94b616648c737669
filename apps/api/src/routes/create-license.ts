import { announceNew } from "@tenantry/jobs";
import {
  type CreateLicenseAnswer,
  createLicense,
  findAcceptedLicense,
  getLicense,
  parseCreateLicense,
} from "@tenantry/tenancy";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { type OperationAnswer, operationPath, toOperationAnswer } from "../operation-answer.ts";
import { parseRequest } from "../parse-request.ts";
import { readWorkHeaders } from "../request-headers.ts";
import { component, problems, response, WORK_HEADERS } from "../schemas.ts";
import { acceptAny } from "../validation.ts";
import { waitForOperation } from "../wait-for-operation.ts";

const AnswerShape = Type.Object({
  license: component("License"),
  tenant: component("Tenant"),
  operation: component("Operation"),
});

export function createLicenseRoute(app: FastifyInstance, api: Api): void {
  app.post(
    "/v1/licenses",
    {
      config: { scope: "licenses:write" },
      validatorCompiler: acceptAny,
      schema: {
        operationId: "createLicense",
        summary: "Create a license and its tenant",
        description:
          "Accepts the request at once; the tenant is made in the background. `Location` names the operation to watch.",
        tags: ["Licenses"],
        headers: WORK_HEADERS,
        body: component("CreateLicense"),
        response: {
          201: response("The tenant is ready (with `Prefer: wait`)", AnswerShape, {
            Location: "The license",
          }),
          202: response("Accepted", AnswerShape, {
            Location: "The operation to watch",
            "Idempotency-Replayed": "`true` when this is the answer to an earlier request",
          }),
          ...problems(400, 401, 403, 422, 503),
        },
      },
    },
    async (request, reply) => {
      const headers = readWorkHeaders(request.headers);
      const caller = callerOf(request, headers.idempotencyKey, "POST /v1/licenses");
      // A repetition is answered before it is looked at: what was good then needn't be good any more.
      const earlier = headers.faults.length > 0 ? null : await findAcceptedLicense(api.ctx, caller);
      const outcome =
        earlier ??
        (await createLicense(
          api.ctx,
          parseRequest(headers.faults, () =>
            parseCreateLicense(request.body ?? {}, api.ctx.blueprints, new Date()),
          ),
          caller,
        ));
      // A repeated request finds its operation on the queue already, or the dispatcher on its way there.
      if (outcome.replayed) reply.header("idempotency-replayed", "true");
      else api.announcements.start(outcome.entry.id, () => announceNew(api.ctx, api.queues, outcome.entry));

      let answer: Answer = {
        ...outcome.answer,
        operation: toOperationAnswer(outcome.answer.operation),
      };
      if (headers.waitSeconds !== null) {
        reply.header("preference-applied", `wait=${headers.waitSeconds}`);
        answer = (await waitForTenant(api, request, reply, answer, headers.waitSeconds)) ?? answer;
        if (answer.operation.state === "succeeded") {
          return reply.code(201).header("location", `/v1/licenses/${answer.license.key}`).send(answer);
        }
      }
      return reply.code(202).header("location", operationPath(answer.operation.id)).send(answer);
    },
  );
}

type Answer = Omit<CreateLicenseAnswer, "operation"> & { readonly operation: OperationAnswer };

/** The answer as it stands after the wait; null when it can't be told, which takes nothing back. */
async function waitForTenant(
  api: Api,
  request: FastifyRequest,
  reply: FastifyReply,
  accepted: Answer,
  seconds: number,
): Promise<Answer | null> {
  const operation = await waitForOperation(api, request, reply, accepted.operation.id, seconds);
  if (operation === null) return null;
  try {
    const { license, tenant } = await getLicense(api.ctx, accepted.license.key);
    return { license, tenant, operation: toOperationAnswer(operation) };
  } catch (error) {
    request.log.warn({ err: error, operationId: operation.id }, "could not read the license afresh");
    return null;
  }
}
