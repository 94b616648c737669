import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { bulkChangeRoute } from "../bulk-change-route.ts";

export function suspendLicensesRoute(app: FastifyInstance, api: Api): void {
  bulkChangeRoute(app, api, "suspend", { operationId: "suspendLicenses", summary: "Suspend many licenses" });
}
