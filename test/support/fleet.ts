import type { Blueprint } from "@tenantry/schema";
import { type FleetFigures, fleetFigures, migrateFleet, parseFleetMigration } from "@tenantry/tenancy";
import { expect } from "vitest";
import { withAdmin } from "./database.ts";
import { perform, performedLicense } from "./perform.ts";
import { CALLER } from "./restores.ts";
import { openTestInstallation, type TestInstallation } from "./tenantry.ts";

export const FLEET_ORDER = { blueprint: "fleet", adminUsername: undefined, adminPassword: undefined };

/** The same installation as it was with an older version of its blueprint: makes so many tenants. Returns their keys. */
export async function oldTenants(
  databaseUrl: string,
  blueprint: Blueprint,
  count: number,
): Promise<string[]> {
  const older = await openTestInstallation({ databaseUrl, blueprints: [blueprint] });
  const keys: string[] = [];
  for (let made = 0; made < count; made += 1) keys.push(await performedLicense(older, FLEET_ORDER));
  return keys;
}

/** Accepts a fleet migration; returns its id. */
export async function acceptFleet(
  { ctx }: Pick<TestInstallation, "ctx">,
  request: Record<string, unknown> = {},
): Promise<string> {
  const input = parseFleetMigration({ blueprint: "fleet", ...request }, ctx);
  return (await migrateFleet(ctx, input, CALLER)).answer.operation.id;
}

/** Accepts a fleet migration and does it here and now. */
export async function performFleet(
  installation: TestInstallation,
  request: Record<string, unknown> = {},
): Promise<{ readonly id: string; readonly kind: string; readonly figures: FleetFigures }> {
  const id = await acceptFleet(installation, request);
  const { kind } = await perform(installation, id);
  return { id, kind, figures: await fleetFigures(installation.ctx, id) };
}

export interface TenantFacts {
  readonly schema: string;
  readonly registered: string | null;
  readonly ledger: readonly string[];
  /** How often the migrations that count have been applied. */
  readonly applied: number;
}

/** What each tenant says of itself, read from its schema; in the order in which they were made. */
export async function tenantFacts(installation: TestInstallation, adminUrl: string): Promise<TenantFacts[]> {
  const rows = await installation.ctx.control
    .selectFrom("tenants")
    .select(["schema_name", "version"])
    .where("state", "=", "ready")
    .orderBy("schema_name")
    .execute();
  return withAdmin(adminUrl, async (client) => {
    const facts: TenantFacts[] = [];
    for (const { schema_name: schema, version } of rows) {
      const ledger = await client.query(`select name from "${schema}".kysely_migration order by name`);
      const there = await client.query("select to_regclass($1) is not null as there", [
        `"${schema}".applied`,
      ]);
      const applied = there.rows[0].there
        ? (await client.query(`select count(*)::int as n from "${schema}".applied`)).rows[0].n
        : 0;
      facts.push({ schema, registered: version, ledger: ledger.rows.map(({ name }) => name), applied });
    }
    return facts;
  });
}

/** Every tenant is whole: what its ledger says was applied once, and the registry says the same. */
export function expectWhole(facts: readonly TenantFacts[]): void {
  for (const { schema, ledger, applied, registered } of facts) {
    const counted = ledger.filter((name) => ["0002_applied", "0003_again"].includes(name)).length;
    expect({ schema, applied, registered }).toEqual({ schema, applied: counted, registered: ledger.at(-1) });
  }
}
