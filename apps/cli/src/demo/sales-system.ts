import type { CreateLicenseAnswer, Operation } from "@tenantry/tenancy";
import { CliError } from "../output/describe-problem.ts";
import { readEventStream } from "./event-stream.ts";

export interface Answer<T> {
  readonly status: number;
  readonly replayed: boolean;
  readonly milliseconds: number;
  readonly body: T;
}

export interface SignedInAnswer {
  readonly token: string;
  readonly expiresAt: string;
}

export interface SessionAnswer {
  readonly license: { readonly key: string };
  readonly user: { readonly username: string; readonly fullName: string | null; readonly isAdmin: boolean };
  readonly tenant: { readonly schema: string };
}

/** No answer may take longer than this. Milliseconds. */
const TIMEOUT_MS = 45_000;

/** Tenantry as a sales system meets it: over HTTP, with nothing but an address and an API key. */
export class SalesSystem {
  readonly #url: string;
  readonly #apiKey: string;
  readonly #signal: AbortSignal;

  constructor(url: string, apiKey: string, signal: AbortSignal) {
    this.#url = url;
    this.#apiKey = apiKey;
    this.#signal = signal;
  }

  createLicense(body: object, idempotencyKey: string): Promise<Answer<CreateLicenseAnswer>> {
    return this.#send("POST", "/v1/licenses", this.#apiKey, body, { "Idempotency-Key": idempotencyKey });
  }

  signIn(licenseKey: string, username: string, password: string): Promise<Answer<SignedInAnswer>> {
    return this.#send("POST", "/v1/sessions", null, { licenseKey, username, password });
  }

  session(token: string): Promise<Answer<SessionAnswer>> {
    return this.#send("GET", "/v1/session", token);
  }

  signOut(token: string): Promise<Answer<null>> {
    return this.#send("DELETE", "/v1/session", token);
  }

  /** The operation each time it has changed, until it ends. */
  async *watch(operationId: string): AsyncGenerator<Operation> {
    const response = await fetch(`${this.#url}/v1/operations/${operationId}/events`, {
      headers: { Authorization: `Bearer ${this.#apiKey}` },
      signal: this.#limit(),
    });
    if (!response.ok || response.body === null) {
      throw refused("GET", "/v1/operations/{id}/events", response.status, await response.text());
    }
    for await (const { data } of readEventStream(response.body)) yield JSON.parse(data) as Operation;
  }

  async #send<T>(
    method: string,
    path: string,
    token: string | null,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const startedAt = performance.now();
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        ...headers,
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: this.#limit(),
    });
    const text = await response.text();
    if (!response.ok) throw refused(method, path, response.status, text);
    return {
      status: response.status,
      replayed: response.headers.get("Idempotency-Replayed") === "true",
      milliseconds: Math.round(performance.now() - startedAt),
      body: (text === "" ? null : JSON.parse(text)) as T,
    };
  }

  #limit(): AbortSignal {
    return AbortSignal.any([this.#signal, AbortSignal.timeout(TIMEOUT_MS)]);
  }
}

function refused(method: string, path: string, status: number, text: string): CliError {
  return new CliError(
    "DEMO_REQUEST_REFUSED",
    `${method} ${path} was answered with ${status}: ${text.slice(0, 500)}`,
    "Run it again with LOG_LEVEL=debug to see why.",
  );
}
