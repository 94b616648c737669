import { measureSchema, measureServer, type SchemaMeasures } from "@tenantry/schema";
import { sql } from "kysely";
import type { Placement, TenancyContext } from "../context.ts";
import { numberText, sizeText } from "../size-text.ts";
import { type Finding, ok } from "./finding.ts";
import { judgeServer } from "./judge-server.ts";
import { reachPlacement } from "./reach-placement.ts";

/** Tenants of a blueprint that are measured; the others are taken to be like them. */
const SAMPLE = 5;
/** What the next thousand tenants come to is said of so many. */
const MORE = 1_000;
/**
 * What each server holds, what it has room for, and what it needs soon: measured of it, and of a few of its tenants. Flat in
 * the number of tenants.
 */
export async function examineCapacity(ctx: TenancyContext): Promise<Finding[]> {
  const findings: Finding[] = [];
  const names = await ctx.control.selectFrom("placements").select("name").orderBy("name").execute();
  for (const { name } of names) {
    const { placement, lost } = await reachPlacement(ctx, name);
    if (placement === null) findings.push(lost);
    else findings.push(...(await examineServer(ctx, placement)));
  }
  return findings;
}

async function examineServer(ctx: TenancyContext, placement: Placement): Promise<Finding[]> {
  const server = await measureServer(placement.provisioning);
  return [
    ...(await checkTenants(ctx, placement)),
    ...judgeServer(placement.name, server, [...ctx.blueprints.values()]),
  ];
}

async function checkTenants(ctx: TenancyContext, placement: Placement): Promise<Finding[]> {
  const counted = await ctx.control
    .selectFrom("tenants")
    .select(["blueprint", sql<number>`count(*)::int`.as("tenants")])
    .where("placement", "=", placement.name)
    .where("state", "=", "ready")
    .groupBy("blueprint")
    .orderBy("blueprint")
    .execute();
  if (counted.length === 0) return [ok("tenants", `Placement ${placement.name} has no tenants yet`)];
  const findings: Finding[] = [];
  for (const { blueprint, tenants } of counted) {
    const one = await measureSample(ctx, placement, blueprint);
    const who = `Placement ${placement.name}: ${numberText(tenants)} of blueprint ${blueprint}`;
    const each =
      one === null
        ? "none of which is there"
        : `each about ${numberText(one.relations)} relations in ${numberText(one.files)} files, ${sizeText(one.bytes)}; ` +
          `${numberText(MORE)} more take ${numberText(one.files * MORE)} files and ${sizeText(one.bytes * MORE)}`;
    findings.push(ok("tenants", `${who}, ${each}`));
  }
  return findings;
}

/** The mean of a few, spread over all ages. */
async function measureSample(
  ctx: TenancyContext,
  placement: Placement,
  blueprint: string,
): Promise<SchemaMeasures | null> {
  const sample = await ctx.control
    .selectFrom("tenants")
    .select("schema_name")
    .where("placement", "=", placement.name)
    .where("blueprint", "=", blueprint)
    .where("state", "=", "ready")
    .orderBy(sql`md5(id::text)`)
    .limit(SAMPLE)
    .execute();
  const measured: SchemaMeasures[] = [];
  for (const { schema_name } of sample) {
    const measures = await measureSchema(placement.provisioning, schema_name);
    if (measures !== null) measured.push(measures);
  }
  if (measured.length === 0) return null;
  const mean = (of: keyof SchemaMeasures): number =>
    Math.round(measured.reduce((sum, measures) => sum + measures[of], 0) / measured.length);
  return { relations: mean("relations"), files: mean("files"), bytes: mean("bytes") };
}
