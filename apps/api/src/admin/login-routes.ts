import type { FastifyInstance, FastifyReply } from "fastify";
import Type, { type Static } from "typebox";
import type { Api } from "../api.ts";
import { sendProblem } from "../error-handling.ts";
import { statusOf } from "../problem.ts";
import { rateLimit } from "../rate-limit.ts";
import { asTenancyError } from "../request-error.ts";
import { OPS_COOKIE, wantsPage } from "./guard.ts";
import { closeOpsSession, isOpsLogin, OPS_SESSION_MS, openOpsSession } from "./ops-session.ts";
import { loginPage, logoutPage, PAGE_SECURITY_POLICY } from "./pages.ts";

const LoginForm = Type.Object(
  {
    user: Type.String({ minLength: 1, maxLength: 100 }),
    password: Type.String({ minLength: 1, maxLength: 128 }),
  },
  { additionalProperties: false },
);

const hidden = { hide: true };
/** A cookie is replaced and removed only under the attributes that it was set with. */
const COOKIE = { path: "/admin", httpOnly: true, sameSite: "strict", secure: "auto" } as const;

/** The dashboard's login and logout: plain forms, no script. */
export function loginRoutes(app: FastifyInstance, api: Api): void {
  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string", bodyLimit: 4_096 },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body as string))),
  );
  app.setErrorHandler((error, request, reply) => {
    const expected = asTenancyError(error);
    if (!wantsPage(request) || expected.code === "INTERNAL") return sendProblem(request, reply, error);
    if (expected.retryAfterSeconds !== undefined) reply.header("retry-after", expected.retryAfterSeconds);
    return sendPage(reply.code(statusOf(expected.code)), loginPage(expected.message));
  });

  app.get("/login", { schema: hidden }, async (_request, reply) => sendPage(reply, loginPage()));
  app.post<{ Body: Static<typeof LoginForm> }>(
    "/login",
    { schema: { ...hidden, body: LoginForm }, config: { rateLimit: rateLimit(api.limits.opsLogin) } },
    async (request, reply) => {
      const { user, password } = request.body;
      if (!(await isOpsLogin(api.ops, user, password))) {
        request.log.warn({ ip: request.ip }, "operator's sign-in refused");
        return sendPage(reply.code(401), loginPage("User or password is wrong."));
      }
      const token = await openOpsSession(api);
      request.log.info({ ip: request.ip }, "operator signed in");
      return reply
        .setCookie(OPS_COOKIE, token, { ...COOKIE, maxAge: OPS_SESSION_MS / 1_000 })
        .redirect("/admin/queues", 303);
    },
  );
  app.get("/logout", { schema: hidden }, async (_request, reply) => sendPage(reply, logoutPage()));
  app.post("/logout", { schema: hidden }, async (request, reply) => {
    const token = request.cookies[OPS_COOKIE];
    if (token !== undefined) await closeOpsSession(api, token);
    return reply.clearCookie(OPS_COOKIE, COOKIE).redirect("/admin/login", 303);
  });
}

function sendPage(reply: FastifyReply, html: string): FastifyReply {
  return reply
    .header("content-security-policy", PAGE_SECURITY_POLICY)
    .type("text/html; charset=utf-8")
    .send(html);
}
