import { extendLicense, parseExtendLicense } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { licenseChangeRoute } from "../license-change.ts";
import { component } from "../schemas.ts";

export function extendLicenseRoute(app: FastifyInstance, api: Api): void {
  licenseChangeRoute(app, api, "POST", "/v1/licenses/:key/extend", {
    operationId: "extendLicense",
    summary: "Put a license's end off",
    description: "Counted from its end, or from now when that has passed.",
    body: component("ExtendLicense"),
    parse: parseExtendLicense,
    change: extendLicense,
  });
}
