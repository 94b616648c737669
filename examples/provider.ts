import { randomBytes } from "node:crypto";
import { buildApi } from "@tenantry/api";
import type { Installation } from "@tenantry/installation";
import { createApiKey, hashPassword, revokeApiKey, type Scope } from "@tenantry/tenancy";
import { startWorker } from "@tenantry/worker";

/** Tenantry's API and worker, as the company that sells the licenses runs them. */
export interface Provider {
  readonly url: string;
  /** A request of that company's own systems, with their API key. */
  call(method: string, path: string, body?: object): Promise<ProviderAnswer>;
  close(): Promise<void>;
}

export interface ProviderAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of every shape
  readonly body: any;
}

const SCOPES: Scope[] = ["licenses:read", "licenses:write"];
const SESSION_TTL_MS = 3_600_000;

/** Starts them on a free port, with an API key that ends with them. */
export async function startProvider(installation: Installation, signal: AbortSignal): Promise<Provider> {
  const { ctx, queues, watch } = installation;
  const worker = await startWorker(installation, { concurrency: 1 });
  const app = await buildApi({
    ctx,
    queues,
    watch,
    // Nobody is told it: the examples show no dashboard.
    ops: { user: "ops", passwordHash: await hashPassword(randomBytes(16).toString("hex")) },
    sessionTtlMs: SESSION_TTL_MS,
    version: "0",
  });
  const { apiKey, token } = await createApiKey(ctx, { name: "example", scopes: SCOPES });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  return {
    url,
    call: async (method, path, body) => {
      const response = await fetch(url + path, {
        method,
        signal,
        headers: {
          authorization: `Bearer ${token}`,
          prefer: "wait=60",
          ...(body && { "content-type": "application/json" }),
        },
        ...(body && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    },
    close: async () => {
      await app.close();
      await worker.close();
      await revokeApiKey(ctx, apiKey.id);
    },
  };
}
