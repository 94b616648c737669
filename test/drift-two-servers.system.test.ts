import { fleetDrift, type TenantDrift } from "@tenantry/tenancy";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readyTenants } from "./support/tenants.ts";
import { openTwoServersApart } from "./support/two-servers.ts";

const TINY = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

describe("drift in a fleet on two servers", async () => {
  const servers = await openTwoServersApart();
  const { network: proxy } = servers;
  afterAll(() => proxy.close());
  const { installation } = servers;
  const { ctx } = installation;
  let [near, far] = ["", ""];

  beforeAll(async () => {
    const worker = await installation.work();
    near = (await servers.atHome())[0]?.key ?? "";
    await sql`update tenantry.placements set draining = (name = 'default')`.execute(ctx.control);
    far = (await readyTenants(installation, 1, TINY))[0]?.key ?? "";
    await worker.close();
  });

  async function look(fix: boolean): Promise<Record<string, Pick<TenantDrift, "state" | "differences">>> {
    const found: TenantDrift[] = [];
    for await (const each of fleetDrift(ctx, { fix })) found.push(each);
    return Object.fromEntries(found.map((each) => [each.licenseKey, each]));
  }

  it("is found and mended on the server that the tenant lives on", async () => {
    const tenant = await servers.tenantNow(far);
    expect(tenant.placement).toBe("second");
    await servers.ask(tenant, `ALTER TABLE ${tenant.schema_name}.items DROP COLUMN id`);
    const before = await look(false);
    expect(before[near]).toMatchObject({ state: "clean" });
    expect(before[far]).toMatchObject({
      state: "drifted",
      differences: [{ kind: "column", object: "items.id", state: "missing", fixable: true }],
    });
    await look(true);
    expect(await look(false)).toMatchObject({ [near]: { state: "clean" }, [far]: { state: "clean" } });
    await servers.write(far);
    expect(await servers.itemsOf(far)).toBe(1);
  });

  it("is told of the others while one server is away", async () => {
    await proxy.cut();
    expect(await look(false)).toMatchObject({ [near]: { state: "clean" }, [far]: { state: "failed" } });
    await proxy.restore();
    expect(await look(false)).toMatchObject({ [near]: { state: "clean" }, [far]: { state: "clean" } });
  });
});
