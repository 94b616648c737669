import { parseReason, resumeLicense } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { licenseChangeRoute } from "../license-change.ts";
import { component } from "../schemas.ts";

export function resumeLicenseRoute(app: FastifyInstance, api: Api): void {
  licenseChangeRoute(app, api, "POST", "/v1/licenses/:key/resume", {
    operationId: "resumeLicense",
    summary: "Take a suspension back",
    description: "Sessions that haven't ended meanwhile go on.",
    body: component("Reason"),
    parse: parseReason,
    change: resumeLicense,
  });
}
