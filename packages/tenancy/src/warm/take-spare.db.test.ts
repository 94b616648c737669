import { handOver, handOverScript, pickNamed } from "@tenantry/schema";
import { beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { acceptLicense } from "../../../../test/support/requests.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { type Claim, claimOperation } from "../claim.ts";
import { seedInput } from "../create-tenant.ts";
import { keepSpares } from "./keep-spares.ts";
import { type TakenSpare, takeSpare } from "./take-spare.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const TINY = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

beforeEach(async () => {
  // No spare is made while work waits.
  await ctx.control
    .updateTable("operations")
    .set({ state: "canceled", finished_at: new Date() })
    .where("state", "in", ["queued", "running"])
    .execute();
  await keepSpares(ctx, { wanted: 0 });
  await keepSpares(ctx, { wanted: 1 });
});

/** A license that was sold, its tenant, and a worker's claim to make it. */
async function sold() {
  const { operation, license: view } = await acceptLicense(installation, TINY);
  const claimed = await claimOperation(ctx, { operationId: operation.id, worker: "one", leaseMs: 60_000 });
  if (claimed.kind !== "claimed") throw new Error(claimed.kind);
  const license = await ctx.control
    .selectFrom("licenses")
    .selectAll()
    .where("key", "=", view.key)
    .executeTakeFirstOrThrow();
  const tenant = () =>
    ctx.control
      .selectFrom("tenants")
      .selectAll()
      .where("license_id", "=", license.id)
      .executeTakeFirstOrThrow();
  return { claim: claimed.claim, license, tenant };
}

async function take(
  { license, tenant, claim }: Awaited<ReturnType<typeof sold>>,
  as: Claim = claim,
): Promise<TakenSpare> {
  const compiled = ctx.blueprints.get("tiny");
  if (compiled === undefined) throw new Error("no blueprint");
  const row = await tenant();
  return takeSpare(ctx, {
    claim: as,
    tenant: row,
    placement: ctx.placements.main,
    compiled,
    seed: seedInput(license),
    result: {
      licenseKey: license.key,
      schema: row.schema_name,
      blueprint: "tiny",
      version: compiled.version,
      tables: compiled.tableCount,
      warm: true,
    },
  });
}

const spares = () => ctx.control.selectFrom("spares").selectAll().execute();

describe("a spare", () => {
  it("becomes the tenant, with its number, by which its way in is found", async () => {
    const [spare] = await spares();
    const sale = await sold();
    expect(await take(sale)).toEqual({ kind: "ready" });
    expect(await sale.tenant()).toMatchObject({ state: "ready", ordinal: spare?.ordinal });
    expect(await spares()).toEqual([]);
  });

  it("isn't given to a worker whose claim another has taken over", async () => {
    const sale = await sold();
    await ctx.control
      .updateTable("operations")
      .set({ attempts: sale.claim.attempt + 1 })
      .where("id", "=", sale.claim.operationId)
      .execute();
    expect(await take(sale)).toEqual({ kind: "superseded" });
    expect(await sale.tenant()).toMatchObject({ state: "provisioning" });
    expect(await spares()).toMatchObject([{ state: "ready" }]);
    expect(await take(sale, { ...sale.claim, attempt: sale.claim.attempt + 1 })).toEqual({ kind: "ready" });
  });

  it.each([
    ["of another build of the same version", { fingerprint: "0".repeat(64) }],
    ["that is still being made", { state: "making" }],
    ["that is on its way out", { state: "retiring" }],
  ] as const)("%s isn't given away", async (_, change) => {
    await ctx.control.updateTable("spares").set(change).execute();
    const sale = await sold();
    expect(await take(sale)).toMatchObject({ kind: "none" });
    expect(await sale.tenant()).toMatchObject({ state: "provisioning" });
    const [spare] = await spares();
    expect(spare).toMatchObject(change);
    await ctx.control.updateTable("spares").set({ state: "retiring" }).execute();
  });

  it("that was handed over by a worker that died then is found under the tenant's name", async () => {
    const [spare] = await spares();
    const sale = await sold();
    const { id, schema_name: schema, role_name: role } = await sale.tenant();
    const blueprint = ctx.blueprints.get("tiny");
    if (blueprint === undefined || spare === undefined) throw new Error("no spare");
    const script = await handOverScript({
      tenantId: id,
      operationId: sale.claim.operationId,
      schema,
      role,
      blueprint,
      seed: seedInput(sale.license),
      pick: pickNamed(spare),
      conclude: "",
    });
    expect(await handOver(ctx.placements.main.provisioning, script)).toEqual({ kind: "handed-over" });
    expect(await handOver(ctx.placements.main.provisioning, script)).toEqual({ kind: "name-taken" });
  });
});
