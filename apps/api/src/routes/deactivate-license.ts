import { deactivateLicense, parseReason } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { licenseChangeRoute } from "../license-change.ts";
import { component } from "../schemas.ts";

export function deactivateLicenseRoute(app: FastifyInstance, api: Api): void {
  licenseChangeRoute(app, api, "POST", "/v1/licenses/:key/deactivate", {
    operationId: "deactivateLicense",
    summary: "Switch a license off",
    description: "Sign-ins and running sessions are refused at once, until it is activated.",
    body: component("Reason"),
    parse: parseReason,
    change: deactivateLicense,
  });
}
