import type { Installation } from "@tenantry/installation";
import { signIn } from "@tenantry/tenancy";
import { tenantry } from "@tenantry/tenancy/fastify";
import { type FastifyInstance, fastify } from "fastify";
import type { Generated, Kysely } from "kysely";

type Notes = Kysely<{ notes: { id: Generated<number>; body: string; written_by: string } }>;
type SignIn = { licenseKey: string; username: string; password: string };

/** Notes of every customer: whose a request sees is decided by its session. */
export async function buildNotes(installation: Installation): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(tenantry, { installation });
  app.post<{ Body: SignIn }>("/sign-in", { config: { tenantry: false } }, ({ body }) =>
    signIn(installation.ctx, { ...body, ttlMs: 8 * 3_600_000 }),
  );
  app.get("/notes", ({ tenant }) =>
    tenant.db((db: Notes) => db.selectFrom("notes").selectAll().orderBy("id").execute()),
  );
  app.post<{ Body: { body: string } }>("/notes", ({ tenant, body }) => {
    const note = { body: body.body, written_by: tenant.user?.username ?? "" };
    return tenant.db((db: Notes) => db.insertInto("notes").values(note).returningAll().executeTakeFirst());
  });
  return app;
}
