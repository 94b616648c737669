import { announceAgain } from "@tenantry/jobs";
import {
  type Caller,
  type OperationChange,
  parseResumeFleet,
  pauseFleet,
  resumeFleet,
  schemaFaults,
  validationError,
} from "@tenantry/tenancy";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Api } from "../api.ts";
import { callerOf } from "../authentication.ts";
import { noFields } from "../no-fields.ts";
import { type OperationAnswer, toOperationAnswer } from "../operation-answer.ts";
import { OperationParams } from "../operation-params.ts";
import { parseRequest } from "../parse-request.ts";
import { readWorkHeaders } from "../request-headers.ts";
import { component, IDEMPOTENCY_HEADERS, problems, response } from "../schemas.ts";
import { acceptAnyBody } from "../validation.ts";

type Request = FastifyRequest<{ Params: OperationParams }>;

export function pauseFleetMigrationRoute(app: FastifyInstance, api: Api): void {
  app.post<{ Params: OperationParams }>(
    "/v1/fleet-migrations/:id/pause",
    {
      config: { scope: "fleet:write" },
      validatorCompiler: acceptAnyBody,
      schema: {
        operationId: "pauseFleetMigration",
        summary: "Pause a fleet migration",
        description: "It begins with no more tenants; those under way end first.",
        tags: ["Fleet migrations"],
        params: OperationParams,
        headers: IDEMPOTENCY_HEADERS,
        response: {
          200: response("The run, paused or asked to pause", component("Operation")),
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request, reply) => {
      const parse = () => {
        const faults = schemaFaults(noFields, request.body ?? {});
        if (faults.length > 0) throw validationError(faults);
      };
      return change(request, reply, "pause", parse, (_, caller) =>
        pauseFleet(api.ctx, request.params.id, caller),
      );
    },
  );
}

export function resumeFleetMigrationRoute(app: FastifyInstance, api: Api): void {
  app.post<{ Params: OperationParams }>(
    "/v1/fleet-migrations/:id/resume",
    {
      config: { scope: "fleet:write" },
      validatorCompiler: acceptAnyBody,
      schema: {
        operationId: "resumeFleetMigration",
        summary: "Have a paused fleet migration go on",
        description:
          "What has failed until now stays as it is, and doesn't count against the budget any more.",
        tags: ["Fleet migrations"],
        params: OperationParams,
        headers: IDEMPOTENCY_HEADERS,
        body: component("ResumeFleetMigration"),
        response: {
          200: response("The run, queued again", component("Operation")),
          ...problems(400, 401, 403, 404, 409, 422, 503),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const changed = await change(
        request,
        reply,
        "resume",
        () => parseResumeFleet(request.body ?? {}),
        (input, caller) => resumeFleet(api.ctx, id, input, caller),
      );
      api.announcements.start(id, () => announceAgain(api.ctx, api.queues, id));
      return changed;
    },
  );
}

async function change<I>(
  request: Request,
  reply: FastifyReply,
  verb: "pause" | "resume",
  parse: () => I,
  apply: (input: I, caller: Caller) => Promise<OperationChange>,
): Promise<OperationAnswer> {
  const { idempotencyKey, faults } = readWorkHeaders(request.headers);
  const caller = callerOf(request, idempotencyKey, `POST /v1/fleet-migrations/${request.params.id}/${verb}`);
  const { operation, replayed } = await apply(parseRequest(faults, parse), caller);
  if (replayed) reply.header("idempotency-replayed", "true");
  return toOperationAnswer(operation);
}
