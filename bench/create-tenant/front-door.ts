import { buildApi } from "@tenantry/api";
import type { Installation } from "@tenantry/installation";
import { createApiKey, hashPassword } from "@tenantry/tenancy";

/** Where requests come in, and where their callers learn what has become of them: HTTP, as from outside. */
export interface FrontDoor {
  /** Asks for a tenant. Resolves with the operation's address when the request is accepted. */
  post(body: object): Promise<string>;
  /** Watches the operation's events up to the last. */
  untilSucceeded(operation: string): Promise<void>;
  close(): Promise<void>;
}

const SESSION_TTL_MS = 3_600_000;
const PATIENCE_MS = 120_000;

export async function openFrontDoor({ ctx, queues, watch }: Installation): Promise<FrontDoor> {
  const api = await buildApi({
    ctx,
    queues,
    watch,
    ops: { user: "ops", passwordHash: await hashPassword("nobody signs in here") },
    sessionTtlMs: SESSION_TTL_MS,
    version: "bench",
  });
  const address = await api.listen({ host: "127.0.0.1", port: 0 });
  const { token } = await createApiKey(ctx, {
    name: "bench",
    scopes: ["licenses:write", "operations:read"],
  });
  const authorization = `Bearer ${token}`;
  return {
    post: async (body) => {
      const response = await fetch(`${address}/v1/licenses`, {
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      const location = response.headers.get("location");
      if (response.status !== 202 || location === null) throw new Error(`${response.status}: ${text}`);
      return location;
    },
    untilSucceeded: async (operation) => {
      const response = await fetch(`${address}${operation}/events`, {
        headers: { authorization },
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const events = await response.text();
      if (!events.includes("\nevent: succeeded\n")) throw new Error(`${response.status}: ${events}`);
    },
    close: () => api.close(),
  };
}
