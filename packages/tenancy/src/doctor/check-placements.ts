import type { TenancyContext } from "../context.ts";
import { type Finding, ok, problem } from "./finding.ts";

/** License keys that are named; a screen holds only so many. */
const NAMED = 10;

/** Does every server that tenants live on answer, and has it got them? One question for each. */
export async function checkPlacements(ctx: TenancyContext): Promise<Finding[]> {
  const names = await ctx.control.selectFrom("placements").select("name").orderBy("name").execute();
  return Promise.all(names.map(({ name }) => checkPlacement(ctx, name)));
}

async function checkPlacement(ctx: TenancyContext, name: string): Promise<Finding> {
  const tenants = await ctx.control
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select(["licenses.key", "tenants.schema_name"])
    .where("tenants.placement", "=", name)
    .where("tenants.state", "=", "ready")
    .orderBy("licenses.key")
    .execute();
  const there = await schemasOf(
    ctx,
    name,
    tenants.map(({ schema_name }) => schema_name),
  );
  if (there === null) {
    return problem(
      "placements",
      `Placement ${name}, where ${tenants.length} tenants live, doesn't answer`,
      "See that its server runs. Has it another address or password: `tenantry placement set-url`; is it lost: docs/disaster-recovery.md.",
    );
  }
  const missing = tenants.filter(({ schema_name }) => !there.has(schema_name)).map(({ key }) => key);
  if (missing.length === 0)
    return ok("placements", `Placement ${name} has all of its ${tenants.length} tenants`);
  const more = missing.length > NAMED ? " and others" : "";
  return problem(
    "placements",
    `Placement ${name} hasn't ${missing.length} of its ${tenants.length} tenants: ${missing.slice(0, NAMED).join(", ")}${more}`,
    "Restore each from its newest backup: `tenantry backup list --license KEY`, `tenantry backup restore ID --replace`.",
  );
}

/** Null when the server can't be asked. */
async function schemasOf(
  ctx: TenancyContext,
  placement: string,
  names: readonly string[],
): Promise<ReadonlySet<string> | null> {
  try {
    const { provisioning } = await ctx.placements.of(placement);
    const { rows } = await provisioning.query<{ name: string }>(
      "SELECT nspname AS name FROM pg_namespace WHERE nspname = ANY ($1)",
      [names],
    );
    return new Set(rows.map(({ name }) => name));
  } catch (error) {
    ctx.log.warn({ err: error, placement }, "a placement can't be asked");
    return null;
  }
}
