import { changeLicense, parseChangeLicense } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { licenseChangeRoute } from "../license-change.ts";
import { component } from "../schemas.ts";

export function changeLicenseRoute(app: FastifyInstance, api: Api): void {
  licenseChangeRoute(app, api, "PATCH", "/v1/licenses/:key", {
    operationId: "changeLicense",
    summary: "Change a license's facts",
    description:
      "What isn't named stays as it is; null clears. Limits are held by the tenant's database at once.",
    body: component("ChangeLicense"),
    parse: (body) => parseChangeLicense(body, new Date()),
    change: changeLicense,
  });
}
