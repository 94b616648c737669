import { legacyReport, renderLegacyReport } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";
import { LegacyRunParams } from "../legacy-run-params.ts";
import { prefersHtml } from "../prefers-html.ts";
import { component, problems } from "../schemas.ts";

/** The page needs its own style, and nothing else; whatever got into it could ask nobody and run nothing. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

export function legacyReportRoute(app: FastifyInstance, api: Api): void {
  app.get<{ Params: LegacyRunParams }>(
    "/v1/legacy-migrations/:id/report",
    {
      config: { scope: "legacy:write" },
      schema: {
        operationId: "legacyReport",
        summary: "Read the report of a legacy migration",
        description:
          "What was moved, verified, converted and left, license by license: as JSON, or as a page with `Accept: text/html`.",
        tags: ["Legacy migrations"],
        params: LegacyRunParams,
        response: {
          200: {
            description: "The report",
            content: {
              "application/json": { schema: component("LegacyReport") },
              "text/html": { schema: Type.String() },
            },
          },
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request, reply) => {
      const report = await legacyReport(api.ctx, request.params.id);
      reply.header("vary", "accept");
      if (!prefersHtml(request.headers.accept)) return report;
      return reply
        .type("text/html; charset=utf-8")
        .header("content-security-policy", CONTENT_SECURITY_POLICY)
        .header("x-content-type-options", "nosniff")
        .send(renderLegacyReport(report));
    },
  );
}
