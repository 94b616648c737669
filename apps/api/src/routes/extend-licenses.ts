import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { bulkChangeRoute } from "../bulk-change-route.ts";

export function extendLicensesRoute(app: FastifyInstance, api: Api): void {
  bulkChangeRoute(app, api, "extend", { operationId: "extendLicenses", summary: "Extend many licenses" });
}
