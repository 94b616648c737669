import { OPERATION_KINDS, OPERATION_STATES, type OperationKind, type OperationState } from "@tenantry/schema";
import { listOperations } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { toOperationAnswer } from "../operation-answer.ts";
import { DEFAULT_LIMIT, PAGE_QUERY, pageOf, problems, response } from "../schemas.ts";

const UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

const Query = Type.Object(
  {
    kind: Type.Optional(Type.Enum([...OPERATION_KINDS])),
    state: Type.Optional(Type.Enum([...OPERATION_STATES])),
    licenseKey: Type.Optional(Type.String({ maxLength: 64 })),
    parentId: Type.Optional(Type.String({ pattern: UUID, description: "The run that it is a part of" })),
    ...PAGE_QUERY,
  },
  { additionalProperties: false },
);

export function listOperationsRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Querystring: Static<typeof Query> }>(
    "/v1/operations",
    {
      config: { scope: "operations:read" },
      schema: {
        operationId: "listOperations",
        summary: "List operations, newest first",
        tags: ["Operations"],
        querystring: Query,
        response: {
          200: response("One page of operations", pageOf("Operation")),
          ...problems(400, 401, 403, 503),
        },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor, kind, state, licenseKey, parentId } = request.query;
      const page = await listOperations(
        api.ctx,
        {
          ...(kind === undefined ? {} : { kind: kind as OperationKind }),
          ...(state === undefined ? {} : { state: state as OperationState }),
          ...(licenseKey === undefined ? {} : { licenseKey }),
          ...(parentId === undefined ? {} : { parentId }),
        },
        { limit, ...(cursor === undefined ? {} : { cursor }) },
      );
      return { ...page, items: page.items.map(toOperationAnswer) };
    },
  );
}
