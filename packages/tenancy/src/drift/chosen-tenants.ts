import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { TenancyError } from "../errors.ts";
import { normalizeLicenseKey } from "../license-key.ts";

/** Which tenants a look at the fleet is about: all that are ready, unless some are named. */
export interface FleetChoice {
  readonly blueprint?: string;
  readonly licenseKeys?: readonly string[];
}

/** What has to be known of a tenant to look at it. */
export interface ChosenTenant {
  readonly id: string;
  readonly licenseKey: string;
  readonly schema: string;
  readonly role: string;
  readonly blueprint: string;
  readonly version: string;
  readonly placement: string;
}

const PAGE = 200;

/** Tenants that are ready, a page in memory at a time, in the order that they were made in. */
export async function* chosenTenants(ctx: TenancyContext, choice: FleetChoice): AsyncGenerator<ChosenTenant> {
  for (let after: string | null = null; ; ) {
    let query = readyTenants(ctx, choice).orderBy("tenants.id").limit(PAGE);
    if (after !== null) query = query.where("tenants.id", ">", after);
    const rows: ChosenTenant[] = (await query.execute()).map(({ version, ...row }) => ({
      ...row,
      version: version ?? "",
    }));
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.id;
  }
}

/** The same as a query, for those who choose among them. */
export function readyTenants(ctx: TenancyContext, { blueprint, licenseKeys }: FleetChoice) {
  let query = ctx.control
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select([
      "tenants.id",
      "licenses.key as licenseKey",
      "tenants.schema_name as schema",
      "tenants.role_name as role",
      "tenants.blueprint",
      "tenants.version",
      "tenants.placement",
    ])
    .where("tenants.state", "=", "ready");
  if (blueprint !== undefined) query = query.where("tenants.blueprint", "=", blueprint);
  if (licenseKeys !== undefined) {
    const keys = licenseKeys.map(normalizeLicenseKey);
    query = query.where(sql<boolean>`licenses.key = any (${keys}::text[])`);
  }
  return query;
}

/**
 * Makes sure that what was named can be looked at.
 *
 * @throws TenancyError BLUEPRINT_UNKNOWN; LICENSE_NOT_FOUND; TENANT_NOT_READY; STATE_CONFLICT for another blueprint's.
 */
export async function assertChoice(ctx: TenancyContext, choice: FleetChoice): Promise<void> {
  const { blueprint, licenseKeys } = choice;
  if (blueprint !== undefined && !ctx.blueprints.has(blueprint)) {
    throw new TenancyError("BLUEPRINT_UNKNOWN", `There is no blueprint ${blueprint}.`, {
      hint: `There are ${[...ctx.blueprints.keys()].join(", ")}; name a folder of your own in TENANTRY_BLUEPRINTS.`,
    });
  }
  if (licenseKeys === undefined || licenseKeys.length === 0) return;
  const wanted = [...new Set(licenseKeys.map(normalizeLicenseKey))];
  const found = await ctx.control
    .selectFrom("licenses")
    .leftJoin("tenants", "tenants.license_id", "licenses.id")
    .select(["licenses.key", "licenses.blueprint", "tenants.state"])
    .where("licenses.key", "in", wanted)
    .execute();
  for (const key of wanted) {
    const row = found.find((each) => each.key === key);
    if (row === undefined) throw new TenancyError("LICENSE_NOT_FOUND", `There is no license ${key}.`);
    if (row.state !== "ready") {
      throw new TenancyError("TENANT_NOT_READY", `The tenant of ${key} is ${row.state ?? "missing"}.`);
    }
    if (blueprint !== undefined && row.blueprint !== blueprint) {
      throw new TenancyError("STATE_CONFLICT", `License ${key} is of blueprint ${row.blueprint}.`, {
        hint: "Leave the blueprint out, or name licenses of it.",
      });
    }
  }
}
