import { buildApi, type RateLimits } from "@tenantry/api";
import { createApiKey, hashPassword, SCOPES, type Scope } from "@tenantry/tenancy";
import { afterAll } from "vitest";
import type { TestInstallation } from "./tenantry.ts";

export const OPS = { user: "ops", password: "a password for ops" };

export interface TestApi {
  readonly url: string;
  /** A request as a client would send it: JSON in, and what came back. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** A new API key with these scopes. */
  key(...scopes: Scope[]): Promise<string>;
  close(): Promise<void>;
}

export interface CallOptions {
  /** Null for none; else the key that was made with every scope. */
  readonly token?: string | null;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly rawBody?: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

/** Starts the API on a free port, closed after the file. */
export async function startApi(
  installation: TestInstallation,
  rateLimits: Partial<RateLimits> = { signIn: 10_000, opsLogin: 10_000 },
): Promise<TestApi> {
  const { ctx, queues, watch } = installation;
  const app = await buildApi({
    ctx,
    queues,
    watch,
    ops: { user: OPS.user, passwordHash: await hashPassword(OPS.password) },
    sessionTtlMs: 3_600_000,
    version: "0.0.0-test",
    rateLimits,
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await app.close();
  };
  afterAll(close);
  const key = async (...scopes: Scope[]): Promise<string> =>
    (await createApiKey(ctx, { name: `test ${scopes.join(" ")}`.slice(0, 100), scopes })).token;
  const full = await key(...SCOPES);
  return {
    url,
    key,
    close,
    call: async (method, path, options = {}) => {
      const token = options.token === undefined ? full : options.token;
      const body = options.rawBody ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
      const response = await fetch(url + path, {
        method,
        redirect: "manual",
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...options.headers,
        },
        ...(body === undefined ? {} : { body }),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get("content-type") ?? "");
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: isJson ? JSON.parse(text) : undefined,
      };
    },
  };
}
