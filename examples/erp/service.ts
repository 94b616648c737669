import type { Installation } from "@tenantry/installation";
import { endSession, hashPassword, signIn, TenancyError } from "@tenantry/tenancy";
import { tenantry } from "@tenantry/tenancy/fastify";
import { type FastifyInstance, fastify } from "fastify";
import Type, { type Static } from "typebox";
import "./tables.ts";

const SignIn = Type.Object({
  licenseKey: Type.String({ maxLength: 64 }),
  username: Type.String({ maxLength: 64 }),
  password: Type.String({ maxLength: 128 }),
});
const NewUser = Type.Object({
  username: Type.String({ pattern: "^[a-z][a-z0-9._-]{1,63}$" }),
  fullName: Type.String({ minLength: 1, maxLength: 200 }),
  email: Type.String({ format: "email", maxLength: 254 }),
  password: Type.String({ minLength: 8, maxLength: 128 }),
});
const NewBranch = Type.Object({
  code: Type.String({ pattern: "^[A-Z0-9-]{1,20}$" }),
  name: Type.String({ minLength: 1, maxLength: 128 }),
});

const SESSION_TTL_MS = 8 * 3_600_000;

/** The ERP: one service for every customer. Whose data a request sees is decided by its session, and nowhere else. */
export async function buildErp(installation: Installation): Promise<FastifyInstance> {
  const { ctx } = installation;
  const app = fastify();
  // From here on every route asks for a session, but for those that say otherwise.
  await app.register(tenantry, { installation });

  app.post<{ Body: Static<typeof SignIn> }>(
    "/sign-in",
    { config: { tenantry: false }, schema: { body: SignIn } },
    ({ body }) => signIn(ctx, { ...body, ttlMs: SESSION_TTL_MS }),
  );

  app.post("/sign-out", async (request, reply) => {
    await endSession(ctx, request.headers.authorization?.replace(/^Bearer +/i, "") ?? "");
    return reply.code(204).send();
  });

  app.get("/license", async ({ tenant: { license, user, db } }) => {
    const active = await db(async (tables) => ({
      users: await tables
        .selectFrom("users")
        .select(({ fn }) => fn.countAll<string>().as("count"))
        .where("is_active", "=", true)
        .executeTakeFirstOrThrow(),
      branches: await tables
        .selectFrom("branches")
        .select(({ fn }) => fn.countAll<string>().as("count"))
        .where("is_active", "=", true)
        .executeTakeFirstOrThrow(),
    }));
    return {
      client: license.clientName,
      user: user?.username,
      users: { used: Number(active.users.count), max: license.maxUsers },
      branches: { used: Number(active.branches.count), max: license.maxBranches },
    };
  });

  app.get("/users", ({ tenant }) =>
    tenant.db((db) =>
      db
        .selectFrom("users")
        .select(["id", "username", "full_name as fullName", "is_admin as isAdmin"])
        .where("is_active", "=", true)
        .orderBy("id")
        .execute(),
    ),
  );

  app.post<{ Body: Static<typeof NewUser> }>(
    "/users",
    { schema: { body: NewUser } },
    async ({ tenant, body }, reply) => {
      if (tenant.user?.isAdmin !== true) {
        throw new TenancyError("FORBIDDEN", "Only an administrator adds users.", {
          hint: "Ask one of yours.",
        });
      }
      // Before the transaction: hashing takes longer than everything else here.
      const password_hash = await hashPassword(body.password);
      // No check of the limit: the database holds it, also against two who add at the same moment.
      const user = await tenant.db((db) =>
        db
          .insertInto("users")
          .values({ username: body.username, email: body.email, full_name: body.fullName, password_hash })
          .onConflict((conflict) => conflict.doNothing())
          .returning(["id", "username"])
          .executeTakeFirst(),
      );
      return user === undefined
        ? reply.code(409).send({ error: "the username or e-mail address is taken" })
        : reply.code(201).send(user);
    },
  );

  app.get("/branches", ({ tenant }) =>
    tenant.db((db) =>
      db
        .selectFrom("branches")
        .select(["id", "code", "name"])
        .where("is_active", "=", true)
        .orderBy("id")
        .execute(),
    ),
  );

  app.post<{ Body: Static<typeof NewBranch> }>(
    "/branches",
    { schema: { body: NewBranch } },
    async ({ tenant, body }, reply) => {
      const branch = await tenant.db((db) =>
        db
          .insertInto("branches")
          .values(body)
          .onConflict((conflict) => conflict.doNothing())
          .returning(["id", "code"])
          .executeTakeFirst(),
      );
      return branch === undefined
        ? reply.code(409).send({ error: "the code is taken" })
        : reply.code(201).send(branch);
    },
  );

  return app;
}
