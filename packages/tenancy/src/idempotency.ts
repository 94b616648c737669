import { createHmac } from "node:crypto";
import type { ControlDatabase } from "@tenantry/schema";
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
 * Orders keep their idempotency key with the operation, changes of operations with the event: a key that served the one
 * can't serve the other.
 *
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED
 */
export async function assertKeyUnused(
  control: ControlDatabase,
  caller: Caller,
  table: "operations" | "operation_events",
): Promise<void> {
  if (caller.idempotency === null || caller.apiKeyId === null) return;
  const used = await control
    .selectFrom(table)
    .select("api_key_id")
    .where("api_key_id", "=", caller.apiKeyId)
    .where("idempotency_key", "=", caller.idempotency.key)
    .executeTakeFirst();
  if (used !== undefined) throw keyReused();
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
