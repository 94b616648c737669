import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { FastifyAdapter } from "@bull-board/fastify";
import type { OperationJobData, OperationQueue } from "@tenantry/jobs";
import { printable } from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";

const BASE_PATH = "/admin/queues";

/** Bull Board's own files; its style sheet is completed by styles that its components set themselves. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** The page's link to fonts on another server, which the policy above would refuse with an error in the console. */
const FOREIGN_FONTS = /<link href="https:\/\/fonts\.googleapis\.com\/[^>]*>/;

/** They turn a line's direction around: a name may hold them, a line of the board mustn't heed them. */
const DIRECTION_MARKS = /[\u202a-\u202e\u2066-\u2069]/g;

/**
 * Bull Board, to look at. It changes nothing: a job is only the queue's ticket for an operation, so retrying or removing
 * one here would not do to the operation what the button says. `POST /v1/operations/{id}/retry` and `tenantry operation
 * retry` do.
 */
export async function installBoard(app: FastifyInstance, api: Api): Promise<void> {
  const server = new FastifyAdapter();
  server.setBasePath(BASE_PATH);
  createBullBoard({
    queues: [
      ...api.queues.all.map(operationBoard),
      new BullMQAdapter(api.queues.maintenance.queue, {
        readOnlyMode: true,
        description: "Backups that are due by the schedule, and what keeps them in order",
      }),
    ],
    serverAdapter: server,
    options: {
      uiConfig: {
        boardTitle: "Tenantry",
        hideDocsLink: true,
        miscLinks: [
          { text: "API reference", url: "/docs" },
          { text: "Sign out", url: "/admin/logout" },
        ],
        jobDetails: { defaultTab: "Data" },
      },
      handlerHooks: {
        before: ({ method }) =>
          method === "get" ? undefined : { allow: false, status: 405, message: "This board only shows." },
      },
    },
  });
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("content-security-policy", CONTENT_SECURITY_POLICY);
  });
  app.addHook("onSend", async (_request, _reply, payload) =>
    typeof payload === "string" ? payload.replace(FOREIGN_FONTS, "") : payload,
  );
  await app.register(server.registerPlugin(), { prefix: BASE_PATH });
}

function operationBoard(queue: OperationQueue): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, {
    readOnlyMode: true,
    description: "To retry or cancel: tenantry operation retry|cancel, or the API",
  });
  adapter.setFormatter("name", (job: { name: string; data: OperationJobData }) => jobTitle(job));
  // One order with both stores: PostgreSQL keeps members in an order of its own.
  adapter.setFormatter("data", ({ operationId, licenseKey, client, schema, run }: OperationJobData) => ({
    operationId,
    licenseKey,
    client: client?.replace(DIRECTION_MARKS, spellOut) ?? null,
    schema,
    ...(run === undefined ? {} : { run }),
  }));
  return adapter;
}

function spellOut(mark: string): string {
  return printable(mark);
}

/** What people look for: whose tenant it is. */
function jobTitle({ name, data }: { name: string; data: OperationJobData }): string {
  const client = data.client?.replace(DIRECTION_MARKS, spellOut) ?? null;
  const labels = [data.licenseKey, client].filter((label) => label !== null);
  return labels.length === 0 ? name : labels.join(" · ");
}
