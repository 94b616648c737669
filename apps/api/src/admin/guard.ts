import { TenancyError } from "@tenantry/tenancy";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Api } from "../api.ts";
import { sendProblem } from "../error-handling.ts";
import { isOpsSession } from "./ops-session.ts";

export const OPS_COOKIE = "tenantry_ops";

/**
 * Refuses a change that another site asks for. The cookie is SameSite=Strict already; this holds where a browser or a
 * neighbouring subdomain doesn't. Programs send neither header, and have no cookie that a stranger could use.
 */
export function isForeignChange(request: Pick<FastifyRequest, "method" | "headers" | "host">): boolean {
  if (request.method === "GET" || request.method === "HEAD") return false;
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined) return site !== "same-origin";
  const { origin } = request.headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== request.host;
}

/** Throws nothing: it runs where Bull Board's own error handler would answer, and that knows no problems. */
export async function refuseForeignChange(
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  if (!isForeignChange(request)) return undefined;
  return sendProblem(
    request,
    reply,
    new TenancyError("FORBIDDEN", "This request comes from another site.", {
      hint: "Use the dashboard's own pages.",
    }),
  );
}

/** Lets signed-in operators through; sends pages to the login. Throws nothing, like the one above. */
export async function requireOps(
  api: Api,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  try {
    if (await isOpsSession(api, request.cookies[OPS_COOKIE])) return undefined;
  } catch (error) {
    return sendProblem(request, reply, error);
  }
  if (wantsPage(request)) return reply.redirect("/admin/login", 303);
  return sendProblem(
    request,
    reply,
    new TenancyError("UNAUTHENTICATED", "There is no operator's session, or it has ended.", {
      hint: "Sign in at /admin/login.",
    }),
  );
}

/** True for a browser that is on its way to a page, rather than a script or a program. */
export function wantsPage(request: FastifyRequest): boolean {
  return request.headers.accept?.includes("text/html") === true;
}
