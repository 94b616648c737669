import {
  type CompiledBlueprint,
  LEDGER_TABLE,
  quoteIdentifier,
  quoteLiteral,
  readMarker,
  type SchemaOwner,
  SQLSTATE,
  sqlState,
} from "@tenantry/schema";
import type { Placement } from "../context.ts";
import { retiredSchemaName } from "../deletion-work.ts";
import type { TenantRow } from "../license-view.ts";
import { type Finding, ok, problem, RESTORE_REMEDY } from "./finding.ts";
import { tablesOfSchema } from "./tenant-tables.ts";

/** Is the tenant's schema there, and is it the tenant's? */
export async function checkSchema(placement: Placement, tenant: TenantRow): Promise<Finding> {
  const schema = tenant.schema_name;
  const owner = await readMarker(placement.provisioning, schema).catch((error: unknown): SchemaOwner => {
    // A schema of somebody else's, who doesn't let us look into it.
    if (sqlState(error) !== SQLSTATE.insufficientPrivilege) throw error;
    return { kind: "stranger" };
  });
  switch (owner.kind) {
    case "no-schema":
      if (isLeaving(tenant)) return checkLeftovers(placement, tenant);
      return tenant.state === "ready"
        ? problem("schema", `Schema ${schema} is missing on placement ${placement.name}`, RESTORE_REMEDY)
        : ok("schema", `Schema ${schema} isn't made yet`);
    case "stranger":
      return problem(
        "schema",
        `Schema ${schema} exists and wasn't made by Tenantry, or lost its marker`,
        "Move or rename it, then run `tenantry operation retry`; or restore a backup.",
      );
    case "tenant":
      return owner.tenantId === tenant.id
        ? ok("schema", `Schema ${schema} is this tenant's`)
        : problem(
            "schema",
            `Schema ${schema} belongs to another tenant, ${owner.tenantId}`,
            "Report it: two tenants must never share a name.",
          );
  }
}

function isLeaving({ state }: TenantRow): boolean {
  return state === "deleting" || state === "deleted";
}

/** A tenant's schema has gone: has everything else? */
async function checkLeftovers(placement: Placement, tenant: TenantRow): Promise<Finding> {
  const { schema_name: schema, role_name: role } = tenant;
  const { rows } = await placement.provisioning.query<{ schema: boolean; role: boolean }>(`
    SELECT to_regnamespace(${quoteLiteral(quoteIdentifier(retiredSchemaName(tenant.id)))}) IS NOT NULL AS schema,
      EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(role)}) AS role`);
  const left = [
    ...(rows[0]?.schema ? [`schema ${retiredSchemaName(tenant.id)}`] : []),
    ...(rows[0]?.role ? [`role ${role}`] : []),
  ];
  if (left.length === 0) return ok("schema", `Schema ${schema} and role ${role} are gone`);
  return tenant.state === "deleting"
    ? ok("schema", `Schema ${schema} is out of use and being dropped; left are ${left.join(" and ")}`)
    : problem(
        "schema",
        `The tenant is deleted, but ${left.join(" and ")} is still there`,
        `Look what is in it, then drop it by hand.`,
      );
}

/** Do the schema's own ledger, the registry and the blueprint agree on the version? */
export async function checkVersion(
  placement: Placement,
  tenant: TenantRow,
  compiled: CompiledBlueprint,
): Promise<Finding> {
  const { blueprint, schema_name: schema, version: registered } = tenant;
  const ledger = `${quoteIdentifier(schema)}.${LEDGER_TABLE}`;
  let names: string[];
  try {
    const { rows } = await placement.provisioning.query<{ name: string }>(
      `SELECT name FROM ${ledger} ORDER BY name`,
    );
    names = rows.map((row) => row.name);
  } catch (error) {
    if (sqlState(error) !== SQLSTATE.undefinedTable) throw error;
    return problem("version", `Schema ${schema} has lost its ledger of migrations`, RESTORE_REMEDY);
  }
  const upgrade = `It works as it is; \`tenantry fleet migrate --license KEY\` upgrades it.`;
  const known = new Set(compiled.migrations.map((migration) => migration.name));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    return problem(
      "version",
      `Schema ${schema} holds migrations that this Tenantry doesn't know: ${unknown.join(", ")}`,
      "Start the Tenantry version that made them, or a later one.",
    );
  }
  const missing = compiled.migrations.filter((migration) => !names.includes(migration.name));
  if (missing.length > 0) {
    return problem(
      "version",
      `Schema ${schema} is behind blueprint ${blueprint} by ${missing.map(({ name }) => name).join(", ")}`,
      upgrade,
    );
  }
  if (registered !== compiled.version) {
    return problem(
      "version",
      `Schema ${schema} is at ${compiled.version}, but the registry says ${registered}`,
      upgrade,
    );
  }
  return ok("version", `Version ${registered} of blueprint ${blueprint}, as it should be`);
}

/** Are all tables there, and can the tenant's role read them? */
export async function checkTables(
  placement: Placement,
  tenant: TenantRow,
  compiled: CompiledBlueprint,
): Promise<Finding[]> {
  const { schema_name: schema, role_name: role } = tenant;
  const { rows } = await placement.provisioning.query<{ name: string; readable: boolean }>(`
    SELECT name, coalesce(
      (SELECT has_table_privilege(role.oid, tables.oid, 'SELECT') FROM pg_roles AS role WHERE role.rolname = ${quoteLiteral(role)}),
      true) AS readable
    FROM (${tablesOfSchema(schema)}) AS tables`);
  const findings: Finding[] = [];
  const missing = expectedTables(compiled).filter((name) => !rows.some((row) => row.name === name));
  if (missing.length > 0) {
    findings.push(
      problem(
        "tables",
        `${missing.length} of ${compiled.tableCount} tables are missing: ${missing.join(", ")}`,
        `\`tenantry fleet drift --license KEY\` lists what else isn't as it was made. ${RESTORE_REMEDY}`,
      ),
    );
  }
  const closed = rows.filter((row) => !row.readable).map((row) => row.name);
  if (closed.length > 0) {
    findings.push(
      problem(
        "tables",
        `The tenant's role may not read ${closed.length} of its tables: ${closed.join(", ")}`,
        `Run: GRANT SELECT, INSERT, UPDATE, DELETE ON ${closed.map((name) => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`).join(", ")} TO ${quoteIdentifier(role)};`,
      ),
    );
  }
  return findings.length > 0
    ? findings
    : [ok("tables", `${rows.length} tables, all there and open to the tenant's role`)];
}

/** The tables that the blueprint's script makes, without Tenantry's own; none when it also takes some away again, which its text doesn't tell. */
function expectedTables({ createScript }: CompiledBlueprint): string[] {
  if (/^\s*(drop table|alter table .* rename to) /im.test(createScript)) return [];
  return [...createScript.matchAll(/^create table (?:if not exists )?"?(?!tenantry_)([^\s"(]+)/gim)].flatMap(
    ([, name]) => name ?? [],
  );
}
