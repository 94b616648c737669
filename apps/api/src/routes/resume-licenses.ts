import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { bulkChangeRoute } from "../bulk-change-route.ts";

export function resumeLicensesRoute(app: FastifyInstance, api: Api): void {
  bulkChangeRoute(app, api, "resume", { operationId: "resumeLicenses", summary: "Resume many licenses" });
}
