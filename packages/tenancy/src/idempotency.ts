import { createHmac } from "node:crypto";
import { type ControlDatabase, violatedConstraint } from "@tenantry/schema";
import { TenancyError } from "./errors.ts";

/** Who asks, and under which promise not to do it twice. */
export interface Caller {
  /** For the record: `api-key:<name>`, `cli:<user>`. */
  readonly actor: string;
  readonly apiKeyId: string | null;
  readonly idempotency: Idempotency | null;
}

export interface Idempotency {
  readonly key: string;
  readonly requestHash: Buffer;
}

/**
 * Fingerprint of a request, to tell a repetition from another request under the same key.
 *
 * The body may hold a password, so a plain hash of it could be searched for weak ones by whoever reads the table.
 * The caller's API key, which is stored nowhere, keys the hash; the pair (API key, Idempotency-Key) is what is unique.
 */
export function requestHash(apiKey: string, route: string, body: unknown): Buffer {
  return createHmac("sha256", apiKey).update(route).update("\0").update(canonicalJson(body)).digest();
}

/**
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED when the key was used for another request.
 */
export function assertSameRequest(stored: Buffer | null, idempotency: Idempotency): void {
  if (stored === null || !stored.equals(idempotency.requestHash)) {
    throw keyReused();
  }
}

/**
 * Each table keeps the answers of its own kind of request; a key that served one kind can't serve another. For changes,
 * under their lock and before they look at the state: a key that is in use says more than a state that doesn't fit.
 *
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED when any request used the caller's key.
 */
export async function assertKeyUnused(control: ControlDatabase, caller: Caller): Promise<void> {
  if (caller.idempotency === null || caller.apiKeyId === null) return;
  const used = await control
    .selectFrom("idempotency_keys")
    .select("api_key_id")
    .where("api_key_id", "=", caller.apiKeyId)
    .where("idempotency_key", "=", caller.idempotency.key)
    .executeTakeFirst();
  if (used !== undefined) throw keyReused();
}

/**
 * The error of a statement that stored an idempotency key, as the caller should see it: IDEMPOTENCY_KEY_REUSED when
 * another request had claimed the key. To be asked when the same request is known not to be the other one.
 */
export function orKeyReused(error: unknown): unknown {
  return violatedConstraint(error) === "idempotency_keys_pkey" ? keyReused() : error;
}

function keyReused(): TenancyError {
  return new TenancyError("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key was used for a different request.");
}

/** JSON with object members in order of their names: a client may send the same fields in another order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
