import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { type Finding, ok, problem } from "./finding.ts";

/** Is the control database there, and does it let itself be read? */
export async function checkControlSchema(ctx: TenancyContext): Promise<Finding> {
  const row = await ctx.control
    .selectNoFrom([
      sql<string>`current_setting('server_version')`.as("server"),
      sql<string>`current_database()`.as("database"),
    ])
    .executeTakeFirstOrThrow();
  await ctx.control.selectFrom("licenses").select("id").limit(1).execute();
  return ok(
    "database",
    `PostgreSQL ${row.server.split(" ")[0]}, database ${row.database}, control schema up to date`,
  );
}

/** Which blueprints are there, at which version, and out of which folders? */
export function checkBlueprints(ctx: TenancyContext): Finding[] {
  return [...ctx.blueprints.values()].map(({ blueprint: { name, source }, version, tableCount }) => {
    const origin = source === undefined ? "ships with Tenantry" : `from ${source}`;
    return ok("blueprints", `${name} at version ${version}, ${tableCount} tables, ${origin}`);
  });
}

/** Are all tenants at their blueprint's version? Answered from one index, however many there are. */
export async function checkFleet(ctx: TenancyContext): Promise<Finding[]> {
  const rows = await ctx.control
    .selectFrom("tenants")
    .select(["blueprint", "version", sql<string>`count(*)`.as("tenants")])
    .where("state", "=", "ready")
    .groupBy(["blueprint", "version"])
    .orderBy("blueprint")
    .orderBy("version")
    .execute();
  if (rows.length === 0) return [ok("versions", "No tenant is ready yet")];
  return rows.map(({ blueprint, version, tenants }) => {
    const compiled = ctx.blueprints.get(blueprint);
    const who = `${tenants} ${tenants === "1" ? "tenant" : "tenants"} of blueprint ${blueprint} at version ${version}`;
    if (compiled === undefined) {
      return problem(
        "versions",
        `${who}: this Tenantry has no such blueprint`,
        "Start Tenantry with the blueprint that they were sold with: name its folder in TENANTRY_BLUEPRINTS.",
      );
    }
    if (version === compiled.version) return ok("versions", who);
    const known = compiled.migrations.some((migration) => migration.name === version);
    return known
      ? problem(
          "versions",
          `${who}, behind ${compiled.version}`,
          `They work as they are; \`tenantry fleet migrate --blueprint ${blueprint}\` upgrades them.`,
        )
      : problem(
          "versions",
          `${who}, which this Tenantry doesn't know`,
          "Start the Tenantry version that made them, or a later one.",
        );
  });
}
