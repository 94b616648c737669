import {
  type CompiledBlueprint,
  type CompiledMigration,
  LEDGER_TABLE,
  ledgerRowsScript,
} from "../blueprint/compile.ts";
import { LIMITS_TABLE, limitsOf } from "../blueprint/limits.ts";
import { roleSettingScript } from "../blueprint/tenant-rights.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { ADVISORY_LOCK_SPACE } from "./advisory-lock.ts";
import type { LimitNumbers } from "./limits.ts";
import { MARKER_TABLE } from "./marker.ts";

/** What is done to a tenant in one go. */
export type UpgradeStep =
  | {
      /** All in one transaction, which ends with the ledger's rows. */
      readonly kind: "transaction";
      readonly names: readonly string[];
      readonly sql: string;
    }
  | {
      /** Statement by statement, then the ledger's row. */
      readonly kind: "outside";
      readonly names: readonly string[];
      readonly statements: readonly string[];
    };

const stepsOf = new WeakMap<CompiledBlueprint, Map<string, readonly UpgradeStep[]>>();

/**
 * What leads from one version to a later one, in order. Built once for each pair, however many tenants are there.
 *
 * @param done how many of the blueprint's migrations the tenant has: the first so many
 */
export function upgradeSteps(
  blueprint: CompiledBlueprint,
  done: number,
  target: string,
): readonly UpgradeStep[] {
  const known = stepsOf.get(blueprint) ?? new Map<string, readonly UpgradeStep[]>();
  stepsOf.set(blueprint, known);
  const key = `${done} ${target}`;
  const steps =
    known.get(key) ?? buildSteps(blueprint.migrations.slice(done, versionCount(blueprint, target)));
  known.set(key, steps);
  return steps;
}

/** How many migrations a tenant of that version has; 0 for a version that this build doesn't know. */
export function versionCount({ migrations }: CompiledBlueprint, version: string): number {
  return migrations.findIndex(({ name }) => name === version) + 1;
}

function buildSteps(pending: readonly CompiledMigration[]): UpgradeStep[] {
  const steps: UpgradeStep[] = [];
  for (const { name, sql, outsideTransaction } of pending) {
    const last = steps.at(-1);
    if (outsideTransaction !== undefined) {
      steps.push({ kind: "outside", names: [name], statements: outsideTransaction });
    } else if (last?.kind === "transaction") {
      // A deferred check that the one left waiting would keep the next from altering the table.
      const between = "SET CONSTRAINTS ALL IMMEDIATE;\nSET CONSTRAINTS ALL DEFERRED;\n";
      steps[steps.length - 1] = {
        kind: "transaction",
        names: [...last.names, name],
        sql: last.sql + between + sql,
      };
    } else {
      steps.push({ kind: "transaction", names: [name], sql });
    }
  }
  return steps;
}

export interface UpgradedTenant {
  readonly tenantId: string;
  readonly schema: string;
  readonly role: string;
  readonly blueprint: CompiledBlueprint;
  /** What the license allows, for a migration that brings the limits in. */
  readonly limits: LimitNumbers;
  /** How long a statement may wait for a lock, and others behind it. Milliseconds. */
  readonly lockTimeoutMs: number;
}

/** One step of one tenant as one text: lock, check, statements, ledger, COMMIT. */
export function transactionText(
  tenant: UpgradedTenant,
  done: number,
  step: Extract<UpgradeStep, { kind: "transaction" }>,
): string {
  return [
    `BEGIN;\nSET LOCAL lock_timeout = ${tenant.lockTimeoutMs};\nSET LOCAL search_path = ${quoteIdentifier(tenant.schema)};\n`,
    roleSettingScript(tenant.role),
    `SELECT pg_advisory_xact_lock(${lockKey(tenant.schema)});\n`,
    checkScript(tenant, done),
    step.sql,
    step.sql.includes(LIMITS_TABLE) ? limitsScript(tenant) : "",
    ledgerRowsScript(step.names, new Date()),
    "COMMIT;\n",
  ].join("");
}

/** The two keys of the lock on a schema's name, which whoever makes, moves or drops it takes too. */
export function lockKey(schema: string): string {
  return `${ADVISORY_LOCK_SPACE.tenantSchema}, hashtext(${quoteLiteral(schema)})`;
}

/**
 * Fails unless the schema is this tenant's and its ledger has exactly the first `done` migrations. Why it failed has to be
 * asked then: a block of PL/pgSQL that says so itself would cost as much as a small migration.
 */
export function checkScript({ tenantId, schema, blueprint }: UpgradedTenant, done: number): string {
  const name = quoteIdentifier(schema);
  const expected = blueprint.migrations.slice(0, done).map((migration) => quoteLiteral(migration.name));
  const ledger = `SELECT count(*) = ${done} AND count(*) FILTER (WHERE name = ANY (ARRAY[${expected.join(", ")}]::text[])) = ${done} FROM ${name}.${LEDGER_TABLE}`;
  const marker = `EXISTS (SELECT FROM ${name}.${MARKER_TABLE} WHERE tenant_id = ${quoteLiteral(tenantId)})`;
  return `SELECT 1 / ((${ledger}) AND ${marker})::integer;\n`;
}

/** The rows that the seed of a new tenant would write. */
function limitsScript({ blueprint, limits }: UpgradedTenant): string {
  const rows = limitsOf(blueprint.blueprint).flatMap(({ limit }) => {
    const maximum = limits[limit];
    return maximum === undefined ? [] : [`(${quoteLiteral(limit)}, ${quoteLiteral(maximum)})`];
  });
  if (rows.length === 0) return "";
  return `INSERT INTO ${LIMITS_TABLE} (name, maximum) VALUES ${rows.join(", ")} ON CONFLICT (name) DO NOTHING;\n`;
}
