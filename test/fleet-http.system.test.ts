import { describe, expect, it } from "vitest";
import { startApi } from "./support/api.ts";
import { createTestDatabase } from "./support/database.ts";
import { expectWhole, FLEET_ORDER, oldTenants, tenantFacts } from "./support/fleet.ts";
import { fleetBlueprint } from "./support/fleet-blueprint.ts";
import { perform, performedLicense } from "./support/perform.ts";
import { openTestInstallation } from "./support/tenantry.ts";

const database = await createTestDatabase();
const keys = await oldTenants(database.url, fleetBlueprint(1), 5);
const installation = await openTestInstallation({
  databaseUrl: database.url,
  blueprints: [fleetBlueprint(2)],
});
const api = await startApi(installation);
const RUNS = "/v1/fleet-migrations";
const post = (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
  api.call("POST", path, { body, headers });
const get = (path: string) => api.call("GET", path);

describe("fleet migrations over HTTP", () => {
  let run = "";

  it.each([
    [{}, ["/blueprint"]],
    [{ blueprint: "nope" }, ["/blueprint"]],
    [{ blueprint: "fleet", canary: "5" }, ["/canary"]],
    [{ blueprint: "fleet", canary: 0 }, ["/canary"]],
    [{ blueprint: "fleet", canary: [] }, ["/canary"]],
    [{ blueprint: "fleet", maxFailures: "101%" }, ["/maxFailures"]],
    [{ blueprint: "fleet", maxFailures: -1 }, ["/maxFailures"]],
    [{ blueprint: "fleet", licenseKeys: [""] }, ["/licenseKeys/0"]],
    [{ blueprint: "fleet", pace: "slow" }, ["/pace"]],
    [[], [""]],
  ])("are refused with every fault: %j", async (body, pointers) => {
    const answer = await post(RUNS, body);
    expect(answer.status).toBe(400);
    const found = answer.body.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect([...new Set(found)]).toEqual(expect.arrayContaining(pointers));
    for (const pointer of found) expect(pointers.some((wanted) => pointer.startsWith(wanted))).toBe(true);
  });

  it("of licenses that aren't there are refused", async () => {
    const answer = await post(RUNS, { blueprint: "fleet", licenseKeys: ["0000-0000-0000-0000"] });
    expect([answer.status, answer.body.code]).toEqual([404, "LICENSE_NOT_FOUND"]);
  });

  it("are tried on a few tenants first, which leaves all as it was", async () => {
    const before = await tenantFacts(installation, database.adminUrl);
    const { status, body } = await post(RUNS, { blueprint: "fleet", dryRun: true });
    expect(status).toBe(202);
    expect((await perform(installation, body.operation.id)).kind).toBe("succeeded");
    const { operation, figures } = (await get(`${RUNS}/${body.operation.id}`)).body;
    expect(operation.result).toMatchObject({ dryRun: true, version: "0002_applied" });
    expect(operation.result.sums).toMatchObject([{ tenants: { succeeded: 5, failed: 0 } }]);
    expect(figures.tenants.total).toBe(0);
    expect(await tenantFacts(installation, database.adminUrl)).toEqual(before);
  });

  it("are accepted once for a repeated request, and one at a time", async () => {
    const headers = { "idempotency-key": "roll-out-2" };
    const body = { blueprint: "fleet", canary: [keys[3]?.toLowerCase()], maxFailures: "10%" };
    const [first, again] = [await post(RUNS, body, headers), await post(RUNS, body, headers)];
    expect([first.status, again.status]).toEqual([202, 202]);
    run = first.body.operation.id;
    expect(first.headers.get("location")).toBe(`/v1/operations/${run}`);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const other = await post(RUNS, { blueprint: "fleet" });
    expect([other.status, other.body.code]).toEqual([409, "STATE_CONFLICT"]);
    expect(other.body.detail).toContain(run);
  });

  it("are paused and go on, each once for a repeated request", async () => {
    const headers = { "idempotency-key": "hold-on" };
    const paused = await post(`${RUNS}/${run}/pause`, {}, headers);
    expect([paused.status, paused.body.progress.step]).toEqual([200, "paused"]);
    expect((await post(`${RUNS}/${run}/pause`, {}, headers)).headers.get("idempotency-replayed")).toBe(
      "true",
    );
    expect((await post(`${RUNS}/${run}/pause`)).body.code).toBe("STATE_CONFLICT");
    const { body } = await get(`${RUNS}/${run}`);
    expect(body.figures.paused.reason).toContain("somebody");
    const metrics = (await get("/metrics")).text;
    expect(metrics).toContain('tenantry_fleet_tenants_behind{blueprint="fleet"} 5');
    expect(metrics).toContain("tenantry_fleet_runs_paused 1");
    expect(metrics).toContain('tenantry_operations{state="queued"} 0');
    expect((await post(`${RUNS}/${run}/resume`, { maxFailures: "x" })).status).toBe(400);
    const resumed = await post(`${RUNS}/${run}/resume`, { maxFailures: 2 });
    expect([resumed.status, resumed.body.state]).toEqual([200, "queued"]);
    expect((await get(`${RUNS}/${run}`)).body.figures).toMatchObject({ maxFailures: 2, paused: null });
  });

  it("show what became of each tenant", async () => {
    expect((await perform(installation, run)).kind).toBe("succeeded");
    const { figures, operation } = (await get(`${RUNS}/${run}`)).body;
    expect(operation).toMatchObject({ kind: "migrate-fleet", state: "succeeded" });
    expect(figures).toMatchObject({ waves: [1, 4], wave: 2, tenants: { total: 5, done: 5 } });
    const page = await get(`${RUNS}/${run}/tenants?state=done&limit=3`);
    expect(page.body.items).toHaveLength(3);
    const rest = await get(`${RUNS}/${run}/tenants?limit=3&cursor=${page.body.nextCursor}`);
    const items = [...page.body.items, ...rest.body.items];
    expect(items.map(({ licenseKey }) => licenseKey).sort()).toEqual([...keys].sort());
    expect(items.find(({ licenseKey }) => licenseKey === keys[3])).toMatchObject({
      wave: 1,
      fromVersion: "0001_items",
      version: "0002_applied",
      attempts: 1,
    });
    expect(rest.body.nextCursor).toBeNull();
    expect((await get(`${RUNS}/${run}/tenants?state=failed`)).body.items).toEqual([]);
    expectWhole(await tenantFacts(installation, database.adminUrl));
    expect((await get("/metrics")).text).toContain('tenantry_fleet_tenants_behind{blueprint="fleet"} 0');
  });

  it("are found by the id of no other operation", async () => {
    await performedLicense(installation, FLEET_ORDER);
    const { items } = (await get("/v1/operations?kind=create-tenant")).body;
    for (const path of ["", "/tenants"]) {
      expect((await get(`${RUNS}/${items[0].id}${path}`)).body.code).toBe("OPERATION_NOT_FOUND");
    }
    expect((await post(`${RUNS}/${items[0].id}/pause`)).body.code).toBe("OPERATION_NOT_FOUND");
  });
});
