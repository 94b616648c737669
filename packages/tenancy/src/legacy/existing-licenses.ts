import type { ControlDatabase, LegacyForesight, TenantState } from "@tenantry/schema";
import { type StoredError, TenancyError } from "../errors.ts";
import type { OnExisting } from "./legacy-migration-request.ts";
import { storedError } from "./source-trouble.ts";

/** Keys for one query: a statement takes at most 65,535 parameters. */
const KEYS_AT_ONCE = 5_000;

/** The tenants' states of those licenses that exist already, by key. */
export async function existingTenants(
  control: ControlDatabase,
  keys: readonly string[],
): Promise<ReadonlyMap<string, TenantState>> {
  const states = new Map<string, TenantState>();
  for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
    const rows = await control
      .selectFrom("licenses")
      .innerJoin("tenants", "tenants.license_id", "licenses.id")
      .select(["licenses.key", "tenants.state"])
      .where("licenses.key", "in", keys.slice(from, from + KEYS_AT_ONCE))
      .execute();
    for (const { key, state } of rows) states.set(key, state);
  }
  return states;
}

/** The refusal of a license that is here already; null when it is to be skipped, or there is something left to do. */
export function existingConflict(state: TenantState, onExisting: OnExisting): TenancyError | null {
  if (state === "deleting" || state === "deleted") {
    const was = state === "deleted" ? "was deleted" : "is being deleted";
    return new TenancyError("STATE_CONFLICT", `The license ${was} here; it isn't made again.`, {
      hint: "Leave it out, or give it another key.",
    });
  }
  if (state === "ready" && onExisting === "fail") {
    return new TenancyError("STATE_CONFLICT", "The license has a tenant already. It was left as it is.", {
      hint: "Leave it out, or run with `onExisting` `skip`.",
    });
  }
  return null;
}

/** What is to be expected of a license that is here already; null when it makes no difference. */
export function existingForesight(
  state: TenantState | undefined,
  onExisting: OnExisting,
): { readonly foresight: LegacyForesight; readonly error: StoredError | null } | null {
  if (state === undefined) return null;
  const conflict = existingConflict(state, onExisting);
  if (conflict !== null) return { foresight: "refuse", error: storedError(conflict) };
  return state === "ready" ? { foresight: "skip", error: null } : null;
}
