import { licenseDrift } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { LicenseParams } from "../license-params.ts";
import { problems, response } from "../schemas.ts";

const Nullable = Type.Union([Type.String(), Type.Null()]);

const Difference = Type.Object({
  kind: Type.String({ description: "`table`, `column`, `index`, `rights`, …" }),
  object: Type.String(),
  state: Type.Enum(["missing", "extra", "changed"]),
  expected: Nullable,
  found: Nullable,
  fixable: Type.Boolean({ description: "`tenantry fleet drift --fix` makes it" }),
  kept: Type.Boolean({ description: "Kept from a legacy system: it belongs there" }),
});

const Drift = Type.Object({
  licenseKey: Type.String(),
  schema: Type.String(),
  blueprint: Type.String(),
  version: Nullable,
  placement: Type.String(),
  state: Type.Enum(["clean", "drifted", "failed"], { description: "`failed`: it couldn't be looked at" }),
  differences: Type.Array(Difference),
  error: Nullable,
});

export function licenseDriftRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: LicenseParams }>(
    "/v1/licenses/:key/drift",
    {
      config: { scope: "operations:read" },
      schema: {
        operationId: "getLicenseDrift",
        summary: "Compare a license's tenant with its blueprint's version",
        tags: ["Licenses"],
        params: LicenseParams,
        response: {
          200: response("What differs", Drift),
          ...problems(400, 401, 403, 404, 409, 503),
        },
      },
    },
    async (request) => {
      const { fixed: _, ...drift } = await licenseDrift(api.ctx, request.params.key);
      return drift;
    },
  );
}
