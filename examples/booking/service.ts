import { getLicense, type TenancyContext } from "@tenantry/tenancy";
import { type FastifyInstance, type FastifyReply, fastify } from "fastify";
import Type, { type Static } from "typebox";
import { type BotClient, type BotClients, inClient } from "./clients.ts";
import { bookVisit, cancelVisit, type Outcome, rescheduleVisit, slotsOf } from "./desk.ts";
import { dailyLoad } from "./repositories/analytics.ts";
import { upcomingBookings } from "./repositories/bookings.ts";
import { listServices } from "./repositories/services.ts";
import { bestClients } from "./repositories/users.ts";

const Day = Type.String({ format: "date" });
const Clock = Type.String({ pattern: "^([01]\\d|2[0-3]):[0-5]\\d$" });
const TelegramId = Type.String({ pattern: "^[1-9]\\d{0,15}$" });

const Slots = Type.Object({ date: Day, service: Type.Integer({ minimum: 1, default: 1 }) });
const User = Type.Object({ user: TelegramId });
const From = Type.Object({ from: Day });
const Visit = Type.Object({
  userId: TelegramId,
  username: Type.Union([Type.String({ maxLength: 128 }), Type.Null()]),
  serviceId: Type.Integer({ minimum: 1 }),
  date: Day,
  time: Clock,
});
const Move = Type.Object({ userId: TelegramId, version: Type.Integer(), date: Day, time: Clock });
const Id = Type.Object({ client: Type.String(), id: Type.Integer({ minimum: 1 }) });

declare module "fastify" {
  interface FastifyRequest {
    /** Whose request it is, by its path. */
    bot: BotClient;
  }
}

/** The bot's service: several clients in one process, told apart by the path alone. */
export function buildService(ctx: TenancyContext, clients: BotClients): FastifyInstance {
  const app = fastify();
  app.decorateRequest("bot");

  app.addHook("onRequest", async (request, reply) => {
    const { client: name } = request.params as { client?: string };
    const client = clients.get(name ?? "");
    if (client === undefined) return reply.code(404).send({ error: "no such client" });
    const { license } = await getLicense(ctx, client.licenseKey);
    if (license.status !== "active")
      return reply.code(403).send({ error: `the license is ${license.status}` });
    request.bot = client;
  });

  app.get("/clients/:client/services", ({ bot }) => inClient(ctx, bot, listServices));

  app.get<{ Querystring: Static<typeof Slots> }>(
    "/clients/:client/slots",
    { schema: { querystring: Slots } },
    async ({ bot, query }, reply) => {
      const slots = await slotsOf(ctx, bot, { date: query.date, serviceId: query.service });
      return slots ?? reply.code(404).send({ error: "no such service" });
    },
  );

  app.get<{ Querystring: Static<typeof User> }>(
    "/clients/:client/bookings",
    { schema: { querystring: User } },
    ({ bot, query }) => inClient(ctx, bot, (db) => upcomingBookings(db, query.user)),
  );

  app.post<{ Body: Static<typeof Visit> }>(
    "/clients/:client/bookings",
    { schema: { body: Visit } },
    async ({ bot, body }, reply) => answer(reply, 201, await bookVisit(ctx, bot, body)),
  );

  app.patch<{ Params: Static<typeof Id>; Body: Static<typeof Move> }>(
    "/clients/:client/bookings/:id",
    { schema: { params: Id, body: Move } },
    async ({ bot, params, body }, reply) =>
      answer(reply, 200, await rescheduleVisit(ctx, bot, { id: params.id, ...body })),
  );

  app.delete<{ Params: Static<typeof Id>; Querystring: Static<typeof User> }>(
    "/clients/:client/bookings/:id",
    { schema: { params: Id, querystring: User } },
    async ({ bot, params, query }, reply) =>
      answer(reply, 200, await cancelVisit(ctx, bot, { id: params.id, userId: query.user })),
  );

  app.get<{ Querystring: Static<typeof From> }>(
    "/clients/:client/statistics",
    { schema: { querystring: From } },
    ({ bot, query }) =>
      inClient(ctx, bot, async (db) => ({
        best: await bestClients(db, 3),
        load: await dailyLoad(db, query.from),
      })),
  );

  return app;
}

function answer(reply: FastifyReply, done: number, outcome: Outcome): FastifyReply {
  switch (outcome.kind) {
    case "done":
      return reply.code(done).send(outcome.booking);
    case "refused":
      return reply.code(outcome.why.startsWith("no such") ? 404 : 409).send({ error: outcome.why });
    case "limit":
      return reply.code(409).send({ error: `${outcome.setting} is ${outcome.limit}` });
  }
}
