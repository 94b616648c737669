import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { COMPONENTS } from "./schemas.ts";

const DESCRIPTION = `Turns a sold license into a working, isolated tenant.

Requests are accepted at once (\`202\`) and done in the background; each names an **operation** to poll, to watch as
Server-Sent Events, or to wait for with \`Prefer: wait=N\`. Send an \`Idempotency-Key\` with every POST: repeating it is then
harmless. Every error is a problem (RFC 9457) with a \`code\` that doesn't change and a \`hint\`.`;

/** Collects the routes that are registered after it into an OpenAPI 3.1 document: `app.swagger()`. */
export async function installOpenapi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Tenantry", version, description: DESCRIPTION },
      servers: [{ url: "/" }],
      tags: [
        { name: "Licenses", description: "What was sold, and the tenant that it owns" },
        { name: "Operations", description: "Accepted work" },
        { name: "Legacy migrations", description: "Licenses that move in from older systems" },
        {
          name: "Fleet migrations",
          description: "Tenants that are brought to a new version of their blueprint",
        },
        { name: "Backups", description: "Tenants as they were, and how they come back" },
        { name: "Sessions", description: "Tenants' users" },
        { name: "Health" },
      ],
      components: {
        securitySchemes: {
          apiKey: { type: "http", scheme: "bearer", description: "An API key: `tenantry api-key create`" },
          session: { type: "http", scheme: "bearer", description: "The token of `POST /v1/sessions`" },
        },
      },
    },
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) =>
        typeof json.$id === "string" ? json.$id : `schema-${index}`,
    },
  });
  for (const schema of COMPONENTS) app.addSchema(schema);
}
