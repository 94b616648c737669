import { createHash } from "node:crypto";
import pg from "pg";
import { withAdmin } from "./database.ts";

/** Everything that migrations have left in a database, in a form that is equal when the data are. */
export interface LegacyState {
  /** By license key: its license, its tenant, and each table's number of rows with a hash over them. */
  readonly licenses: Readonly<Record<string, LicenseState>>;
  /** Schemas of tenants that the control schema knows nothing of. */
  readonly strays: readonly string[];
  readonly items: readonly string[];
  readonly quarantine: readonly string[];
}

export interface LicenseState {
  readonly license: string;
  readonly tables: Readonly<Record<string, string>>;
}

/** Tables that say when and by what a tenant was made. */
const OF_THE_MAKING: ReadonlySet<string> = new Set(["tenantry_tenant", "kysely_migration"]);

/**
 * @param since times from here on are as good as each other, for the data's own are older
 */
export async function legacyState(adminUrl: string, since: Date): Promise<LegacyState> {
  return withAdmin(adminUrl, async (client) => {
    const licenses = await client.query(
      `SELECT l.key, t.schema_name AS schema, t.state, to_jsonb(l) - ARRAY['id', 'created_by'] AS license
       FROM tenantry.licenses l JOIN tenantry.tenants t ON t.license_id = l.id ORDER BY l.key`,
    );
    const states: Record<string, LicenseState> = {};
    for (const { key, schema, state, license } of licenses.rows) {
      const text = `${state} ${schema} ${JSON.stringify(plain(license, since))}`;
      states[key] = { license: text, tables: await tablesOf(client, schema, since) };
    }
    const schemas = await client.query(
      `SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE 'tenant\\_%' OR nspname LIKE 'client\\_%'
       EXCEPT SELECT schema_name FROM tenantry.tenants ORDER BY 1`,
    );
    const items = await client.query(
      `SELECT concat_ws(' ', i.license_key, i.name, i.outcome, o.state, i.rows_done, i.quarantined, i.report) AS text
       FROM tenantry.legacy_items i LEFT JOIN tenantry.operations o ON o.id = i.operation_id ORDER BY i.run_id, i.position`,
    );
    const quarantine = await client.query(
      `SELECT concat_ws(' ', i.name, q.source_table, q.row_id, q.source_column, q.code, q.state, q."row") AS text
       FROM tenantry.quarantined_rows q JOIN tenantry.legacy_items i ON i.id = q.item_id ORDER BY 1`,
    );
    return {
      licenses: states,
      strays: schemas.rows.map(({ name }) => name as string),
      items: items.rows.map(({ text }) => text as string),
      quarantine: quarantine.rows.map(({ text }) => text as string),
    };
  });
}

/** Each table's number of rows with a hash over them, in no order; null when there is no such schema. */
async function tablesOf(client: pg.Client, schema: string, since: Date): Promise<Record<string, string>> {
  const tables = await client.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1",
    [schema],
  );
  const found: Record<string, string> = {};
  for (const { name } of tables.rows) {
    if (OF_THE_MAKING.has(name)) continue;
    const rows = await client.query(
      `SELECT to_jsonb(t) AS row FROM ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)} AS t`,
    );
    const texts = rows.rows.map(({ row }) => JSON.stringify(plain(row, since))).sort();
    const hash = createHash("sha256").update(texts.join("\n")).digest("hex").slice(0, 16);
    found[name] = `${texts.length} ${hash}`;
  }
  return found;
}

/** Without what differs from one time to the next: the hour, and a hash's salt. */
function plain(row: Readonly<Record<string, unknown>>, since: Date): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      if (typeof value !== "string") return [column, value];
      if (value.startsWith("$argon2id$")) return [column, "a hash"];
      return [column, /^\d{4}-\d\d-\d\dT/.test(value) && new Date(value) >= since ? "now" : value];
    }),
  );
}
