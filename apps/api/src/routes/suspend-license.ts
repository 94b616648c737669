import { parseSuspendLicense, suspendLicense } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { licenseChangeRoute } from "../license-change.ts";
import { component } from "../schemas.ts";

export function suspendLicenseRoute(app: FastifyInstance, api: Api): void {
  licenseChangeRoute(app, api, "POST", "/v1/licenses/:key/suspend", {
    operationId: "suspendLicense",
    summary: "Suspend a license",
    description: "Sign-ins and running sessions are refused at once, until it is resumed.",
    body: component("SuspendLicense"),
    parse: parseSuspendLicense,
    change: suspendLicense,
  });
}
