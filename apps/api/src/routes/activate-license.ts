import { activateLicense, parseReason } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { licenseChangeRoute } from "../license-change.ts";
import { component } from "../schemas.ts";

export function activateLicenseRoute(app: FastifyInstance, api: Api): void {
  licenseChangeRoute(app, api, "POST", "/v1/licenses/:key/activate", {
    operationId: "activateLicense",
    summary: "Switch an inactive license on",
    description: "The first time counts as its activation.",
    body: component("Reason"),
    parse: parseReason,
    change: activateLicense,
  });
}
