import { randomBytes } from "node:crypto";
import { SourceReaders } from "@tenantry/legacy";
import {
  type Blueprint,
  compileBlueprint,
  createPool,
  describeTarget,
  ensureGateway,
  gatewayOf,
  type ImportOutcome,
  importTenant,
  type LegacyFinding,
  type LegacyLicense,
  type LegacySystem,
  type PlannedImport,
  planImport,
  type QuarantinedRow,
} from "@tenantry/schema";
import { afterAll } from "vitest";
import { createTestDatabase, withAdmin } from "./database.ts";

export interface MovedLicense {
  readonly license: LegacyLicense;
  readonly schema: string;
  readonly planned: PlannedImport;
  readonly outcome: ImportOutcome;
  readonly quarantined: readonly QuarantinedRow[];
}

export interface MovedSource {
  readonly findings: readonly LegacyFinding[];
  readonly licenses: readonly LegacyLicense[];
  /** Those that have a file. */
  readonly moved: readonly MovedLicense[];
}

/** Moves a source's files into schemas of a database of one test file's own, without operations or a queue. */
export async function createMover() {
  const database = await createTestDatabase();
  const readers = new SourceReaders({ max: 1 });
  const pool = createPool({
    connectionString: database.url,
    applicationName: "test",
    max: 2,
    statementTimeout: 60_000,
    lockTimeout: 10_000,
    idleInTransactionTimeout: 60_000,
    onConnectionLost: () => undefined,
  });
  afterAll(() => Promise.all([pool.end(), readers.close()]));
  const gateway = gatewayOf(randomBytes(6).toString("hex"), 1);
  await ensureGateway(pool, gateway, "password");
  const user = new URL(database.url).username;
  let count = 0;

  const moveSource = async (
    blueprint: Blueprint,
    system: LegacySystem,
    root: string,
    timeZone: string | null = null,
  ): Promise<MovedSource> => {
    const compiled = await compileBlueprint(blueprint);
    const target = await describeTarget(pool, compiled);
    const { licenses, findings } = await system.findLicenses(readers.folder(root), { timeZone });
    const moved: MovedLicense[] = [];
    for (const license of licenses) {
      const { file, owned, kept } = license;
      if (file === null) continue;
      count += 1;
      const source = await readers.describe(root, file);
      const planned = planImport({ target, source, mapping: system.mapping, system, timeZone, owned });
      const quarantined: QuarantinedRow[] = [];
      const schema = `moved_${count}`;
      const outcome = await importTenant(pool, {
        tenantId: `01900000-0000-7000-8000-${String(count).padStart(12, "0")}`,
        operationId: "01900000-0000-7000-8000-000000000000",
        schema,
        role: `${schema}_${user}`,
        gateway,
        blueprint: compiled,
        seed: {
          license: { ...license, key: license.key ?? license.name },
          admin: null,
          parameters: license.parameters,
        },
        mayProceed: async () => true,
        plan: planned.plan,
        open: (refused) =>
          readers.openImport({ root, file, sha256: source.sha256, plan: planned.plan })(refused),
        afterLoad: system.mapping.afterLoad,
        kept,
        onTry: async () => void quarantined.splice(0),
        onQuarantined: async (rows) => void quarantined.push(...rows),
        onProgress: () => undefined,
        beforeCommit: async () => "commit",
      });
      moved.push({ license, schema, planned, outcome, quarantined });
    }
    return { licenses, findings, moved };
  };

  /** Rows of a tenant, as the test server's administrator sees them. */
  const rowsOf = (
    { schema }: Pick<MovedLicense, "schema">,
    text: string,
  ): Promise<Record<string, unknown>[]> =>
    withAdmin(database.adminUrl, async (client) => {
      await client.query(`SET search_path = ${schema}`);
      return (await client.query<Record<string, unknown>>(text)).rows;
    });

  return { moveSource, rowsOf };
}
