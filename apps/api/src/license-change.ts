import {
  type Caller,
  findLicenseChange,
  type License,
  type LicenseChange,
  normalizeLicenseKey,
  type TenancyContext,
} from "@tenantry/tenancy";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { TSchema } from "typebox";
import type { Api } from "./api.ts";
import { callerOf } from "./authentication.ts";
import { LicenseParams } from "./license-params.ts";
import { parseRequest } from "./parse-request.ts";
import { readWorkHeaders } from "./request-headers.ts";
import { component, IDEMPOTENCY_HEADERS, problems, response } from "./schemas.ts";
import { acceptAnyBody } from "./validation.ts";

/** One way to change a license over HTTP. */
export interface LicenseChangeRoute<I> {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly body: TSchema;
  readonly parse: (body: unknown) => I;
  readonly change: (ctx: TenancyContext, key: string, input: I, caller: Caller) => Promise<LicenseChange>;
}

/** What the routes that change a license have in common: access, idempotency, and the license as the answer. */
export function licenseChangeRoute<I>(
  app: FastifyInstance,
  api: Api,
  method: "PATCH" | "POST",
  path: string,
  { operationId, summary, description, body, parse, change }: LicenseChangeRoute<I>,
): void {
  app.route<{ Params: LicenseParams }>({
    method,
    url: path,
    config: { scope: "licenses:write" },
    validatorCompiler: acceptAnyBody,
    schema: {
      operationId,
      summary,
      ...(description === undefined ? {} : { description }),
      tags: ["Licenses"],
      params: LicenseParams,
      headers: IDEMPOTENCY_HEADERS,
      body,
      response: {
        200: response("The license as it is now", component("License"), {
          "Idempotency-Replayed": "`true` when this is the answer to an earlier request",
        }),
        ...problems(400, 401, 403, 404, 409, 422, 503),
      },
    },
    handler: async (request, reply) => {
      const route = `${method} ${path.replace(":key", normalizeLicenseKey(request.params.key))}`;
      return answer(api, request, reply, route, parse, change);
    },
  });
}

async function answer<I>(
  api: Api,
  request: FastifyRequest<{ Params: LicenseParams }>,
  reply: FastifyReply,
  route: string,
  parse: LicenseChangeRoute<I>["parse"],
  change: LicenseChangeRoute<I>["change"],
): Promise<License> {
  const { idempotencyKey, faults } = readWorkHeaders(request.headers);
  const caller = callerOf(request, idempotencyKey, route);
  // A repetition is answered before it is looked at: what was good then needn't be good any more.
  const earlier = faults.length > 0 ? null : await findLicenseChange(api.ctx.control, caller);
  const outcome =
    earlier ??
    (await change(
      api.ctx,
      request.params.key,
      parseRequest(faults, () => parse(request.body ?? {})),
      caller,
    ));
  if (outcome.replayed) reply.header("idempotency-replayed", "true");
  return outcome.license;
}
