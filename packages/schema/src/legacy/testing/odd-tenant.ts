import { randomUUID } from "node:crypto";
import { afterAll } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../../test/support/database.ts";
import { compileBlueprint } from "../../blueprint/compile.ts";
import type { Blueprint } from "../../blueprint/define.ts";
import { createPool } from "../../pool.ts";
import { ensureGateway, gatewayOf } from "../../tenant/gateway.ts";
import type { ProvisionInput } from "../../tenant/provision.ts";
import type { QuarantinedRow } from "../import-plan.ts";
import { type ImportOutcome, type ImportTenantInput, importTenant } from "../import-tenant.ts";
import { type ToldTable, tell, toldPlan } from "./told-rows.ts";

/** A database to import into, for one test file, and what its tests ask of it. */
export async function importDatabase(blueprint: Blueprint) {
  const { url, adminUrl } = await createTestDatabase();
  const pool = createPool({
    connectionString: url,
    applicationName: "import",
    max: 4,
    statementTimeout: 60_000,
    lockTimeout: 20_000,
    idleInTransactionTimeout: 60_000,
    onConnectionLost: () => undefined,
  });
  afterAll(() => pool.end());
  const compiled = await compileBlueprint(blueprint as Blueprint);
  const gateway = gatewayOf(randomUUID().replaceAll("-", "").slice(0, 12), 1);
  await ensureGateway(pool, gateway, "only for tests");
  let count = 0;

  const target = (schema = `import_${++count}`): Omit<ProvisionInput, "onStep"> => ({
    tenantId: randomUUID(),
    operationId: randomUUID(),
    schema,
    role: `${gateway.login}_${schema}`.slice(0, 60),
    gateway,
    blueprint: compiled,
    seed: {
      license: {
        key: `K-${schema}`,
        clientName: "c",
        email: null,
        phone: null,
        company: null,
        maxUsers: 2,
        maxBranches: 1,
      },
      admin: null,
      parameters: {},
    },
    mayProceed: async () => true,
  });

  async function rows(text: string): Promise<Record<string, unknown>[]> {
    return withAdmin(url, async (client) => (await client.query(text)).rows);
  }

  /** All that an import may leave: schemas and roles. */
  async function left(schema: string, role: string): Promise<unknown[]> {
    return rows(`SELECT nspname AS name FROM pg_namespace WHERE nspname = '${schema}'
      UNION ALL SELECT rolname FROM pg_roles WHERE rolname = '${role}'`);
  }

  /** Imports what is told; also gives the quarantined rows of the last try. */
  async function load(
    tables: readonly ToldTable[],
    more: Partial<ImportTenantInput> = {},
  ): Promise<{ outcome: ImportOutcome; quarantined: QuarantinedRow[]; input: ImportTenantInput }> {
    let quarantined: QuarantinedRow[] = [];
    const input: ImportTenantInput = {
      ...target(),
      plan: toldPlan(tables),
      open: tell(tables),
      afterLoad: [],
      kept: [],
      onTry: async () => {
        quarantined = [];
      },
      onQuarantined: async (found) => {
        quarantined.push(...found);
      },
      onProgress: () => undefined,
      beforeCommit: async () => "commit",
      ...more,
    };
    return { outcome: await importTenant(pool, input), quarantined, input };
  }

  return { url, adminUrl, pool, compiled, target, rows, left, load };
}
