import { setTimeout as wait } from "node:timers/promises";
import {
  type CompiledBlueprint,
  isConnectionLoss,
  SQLSTATE,
  sqlState,
  type UpgradeLane,
  type UpgradeOutcome,
  versionCount,
  violatedConstraint,
} from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { type ErrorCode, REMEDIES, type StoredError, TenancyError } from "../errors.ts";
import type { ItemResult, PendingItem } from "./fleet-items.ts";
import type { FleetRun } from "./load-run.ts";

/** A statement waits for a lock no longer than this, and so does whoever stands behind it. Milliseconds. */
const LOCK_TIMEOUT_MS = 300;
/** In one turn of a tenant; what is busy then waits for the wave's end. */
const LOCK_TRIES = 2;
const LOCK_PAUSE_MS = 100;
/** A lost connection says nothing against the tenant: the server may have restarted. */
const CONNECTION_TRIES = 4;
const CONNECTION_PAUSE_MS = 500;

/** `left`: it has to come again, for this reason unless it changes. */
export type Turn =
  | { readonly kind: "ended"; readonly result: ItemResult }
  | { readonly kind: "left"; readonly why: "busy" | "missing"; readonly result: ItemResult };

/**
 * Gives one tenant its turn.
 *
 * @throws TenancyError UNAVAILABLE, retryable, when its server is away; that server's disk is full.
 */
export async function upgradeItem(
  ctx: TenancyContext,
  run: FleetRun,
  compiled: CompiledBlueprint,
  lane: UpgradeLane,
  item: PendingItem,
): Promise<Turn> {
  const began = performance.now();
  let attempts = 0;
  const result = (state: ItemResult["state"], more: Partial<ItemResult> = {}): ItemResult => ({
    tenant_id: item.tenant_id,
    state,
    at: null,
    from_version: null,
    found: false,
    attempts,
    duration_ms: Math.round(performance.now() - began),
    error: null,
    ...more,
  });
  if (item.state !== "ready") return { kind: "ended", result: result("skipped") };
  const failed = (error: StoredError, more: Partial<ItemResult> = {}): ItemResult =>
    result("failed", { error, ...more });
  if (item.in_use) {
    return {
      kind: "left",
      why: "busy",
      result: failed(stored("TENANT_BUSY", "Something else is being done with the tenant.")),
    };
  }
  const registered = item.version ?? "";
  if (versionCount(compiled, registered) === 0) {
    return { kind: "ended", result: failed(newer(item, [registered])) };
  }
  const outcome = await tryTurns(ctx, item, () => {
    attempts += 1;
    return lane.upgrade({
      tenantId: item.tenant_id,
      schema: item.schema_name,
      role: item.role_name,
      blueprint: compiled,
      limits: { users: item.max_users, branches: item.max_branches },
      lockTimeoutMs: LOCK_TIMEOUT_MS,
      from: registered,
      to: run.version,
    });
  });
  switch (outcome.kind) {
    case "upgraded":
      return { kind: "ended", result: result("done", { at: run.version, from_version: outcome.from }) };
    case "already-there":
      return { kind: "ended", result: result("done", { at: outcome.at, found: true }) };
    case "newer":
      return { kind: "ended", result: failed(newer(item, outcome.unknown)) };
    case "gap":
      return {
        kind: "ended",
        result: failed(
          stored(
            "MIGRATION_FAILED",
            `The tenant's own ledger lacks ${outcome.missing.join(", ")}, and has what comes after. Nothing was changed.`,
            "Somebody has changed its table kysely_migration: put it right, then retry.",
          ),
        ),
      };
    case "pooled":
      return {
        kind: "ended",
        result: failed(
          stored(
            "MIGRATION_FAILED",
            `Migration ${outcome.migrations.join(", ")} runs outside of transactions, which a pooler can't carry. The tenant is at ${outcome.at}.`,
            "Run this migration with a worker that has no DATABASE_POOL_URL.",
          ),
          { at: outcome.at },
        ),
      };
    case "refused":
      return { kind: "ended", result: failed(refused(outcome), { at: outcome.at }) };
    case "busy":
      return {
        kind: "left",
        why: "busy",
        result: failed(stored("TENANT_BUSY", "Somebody holds the tenant's tables for long."), {
          at: outcome.at,
        }),
      };
    case "no-tenant":
      // It may have been moved, or replaced, a moment ago: what the registry says is read again at the wave's end.
      return {
        kind: "left",
        why: "missing",
        result: failed(
          stored(
            "TENANT_NOT_FOUND",
            `Schema ${item.schema_name} on ${item.placement} isn't there, or isn't this tenant's. Nothing was changed.`,
            "Bring it back: rename it, or restore a backup. `tenantry doctor <license key>` says what is wrong.",
          ),
        ),
      };
  }
}

/** Of a tenant that got no turn, however often it was looked for. */
export function notReached(tenantId: string): ItemResult {
  return {
    tenant_id: tenantId,
    state: "failed",
    at: null,
    from_version: null,
    found: false,
    attempts: 0,
    duration_ms: 0,
    error: stored("TENANT_BUSY", "Something else was done with the tenant whenever it had its turn."),
  };
}

async function tryTurns(
  ctx: TenancyContext,
  item: PendingItem,
  turn: () => Promise<UpgradeOutcome>,
): Promise<UpgradeOutcome> {
  let losses = 0;
  for (let tries = 1; ; ) {
    try {
      const outcome = await turn();
      if (outcome.kind === "refused" && sqlState(outcome.error) === SQLSTATE.diskFull) throw outcome.error;
      if (outcome.kind === "refused") {
        ctx.log.error({ err: outcome.error, tenantId: item.tenant_id }, "tenant not upgraded");
      }
      if (outcome.kind !== "busy" || tries === LOCK_TRIES) return outcome;
      tries += 1;
      await wait(Math.random() * LOCK_PAUSE_MS);
    } catch (error) {
      if (sqlState(error) === SQLSTATE.diskFull) throw away(item, "has no room left on its disk", error);
      if (!isConnectionLoss(error)) throw error;
      losses += 1;
      if (losses === CONNECTION_TRIES) throw away(item, "is away", error);
      await wait(Math.random() * CONNECTION_PAUSE_MS * losses);
    }
  }
}

function away({ placement }: PendingItem, what: string, cause: unknown): TenancyError {
  return new TenancyError("UNAVAILABLE", `PostgreSQL server ${placement} ${what}; the run waits for it.`, {
    retryable: true,
    cause,
  });
}

function stored(code: ErrorCode, detail: string, hint: string = REMEDIES[code]): StoredError {
  return { code, detail, hint };
}

function newer(item: PendingItem, unknown: readonly string[]): StoredError {
  return stored(
    "TENANT_NEWER",
    `The tenant has migrations of blueprint ${item.blueprint} that this Tenantry doesn't know: ${unknown.join(", ")}. Nothing was changed.`,
  );
}

/** PostgreSQL's own sentence may quote a row, so it goes to the log only. */
function refused({ error, migrations, at }: Extract<UpgradeOutcome, { kind: "refused" }>): StoredError {
  const constraint = violatedConstraint(error);
  const where = constraint === undefined ? "" : `, constraint ${constraint}`;
  return stored(
    "MIGRATION_FAILED",
    `PostgreSQL refused a statement of ${migrations.join(", ")} (SQLSTATE ${sqlState(error)}${where}). The tenant is at ${at}, whole.`,
  );
}
