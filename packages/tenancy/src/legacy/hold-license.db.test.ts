import { join } from "node:path";
import { expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { acceptMove, itemsOf } from "../../../../test/support/legacy-moves.ts";
import { hold, untilBlocked } from "../../../../test/support/locks.ts";
import { acceptLicense } from "../../../../test/support/requests.ts";
import { shop } from "../../../../test/support/shop-blueprint.ts";
import { writeShop } from "../../../../test/support/shop-source.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import type { Caller } from "../idempotency.ts";
import { getLicense } from "../licenses.ts";
import { cancelOperation, retryOperation } from "../operation-control.ts";
import { performOperation } from "../perform-operation.ts";

/** First key of the advisory lock that provisioning takes on a schema's name. */
const TENANT_SCHEMA_LOCK = 0x74_6e_00_02;
const OPS: Caller = { actor: "cli:ops", apiKeyId: null, idempotency: null };
const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [shop] });
const { ctx } = installation;

const perform = (operationId: string) =>
  performOperation(ctx, {
    operationId,
    worker: "w",
    leaseMs: 60_000,
    maxAttempts: 1,
    sink: { progress: async () => undefined, log: async () => undefined },
  });

/** Plans a move of one license; returns the child that is to move it. */
async function planned(path: string, input: object = {}): Promise<{ run: string; child: string }> {
  const { id } = await acceptMove(installation, { path, ...input });
  expect(await perform(id)).toMatchObject({ kind: "handed-on" });
  return { run: id, child: (await itemsOf(installation, id))[0]?.operationId ?? "" };
}

const tenantState = async (key: string): Promise<string> => (await getLicense(ctx, key)).tenant.state;

it("a license that another run is moving is left to it, whatever becomes of the one that had it before", async () => {
  const path = await writeShop(join(installation.legacyDirectory, "held"), [{ name: "HELD-1" }]);
  await withAdmin(database.adminUrl, (client) => client.query("CREATE SCHEMA shop_held_1"));
  const first = await planned(path);
  expect(await perform(first.child)).toMatchObject({ kind: "failed", error: { code: "SCHEMA_TAKEN" } });
  expect(await tenantState("HELD-1")).toBe("failed");
  await withAdmin(database.adminUrl, (client) => client.query("DROP SCHEMA shop_held_1"));

  const second = await planned(path);
  const release = await hold(
    database.adminUrl,
    `SELECT pg_advisory_xact_lock(${TENANT_SCHEMA_LOCK}, hashtext('shop_held_1'))`,
  );
  const moving = perform(second.child);
  await untilBlocked(database.adminUrl, "tenantry-test-provisioning");
  // The first may be put back and given up again: the tenant isn't its own any more.
  await retryOperation(ctx, first.child, OPS);
  await cancelOperation(ctx, first.child, OPS);
  expect(await tenantState("HELD-1")).toBe("provisioning");
  await retryOperation(ctx, first.child, OPS);
  expect(await perform(first.child)).toMatchObject({ kind: "succeeded" });
  expect(await itemsOf(installation, first.run)).toMatchObject([
    { outcome: "skipped", notes: expect.arrayContaining([expect.stringContaining(second.child)]) },
  ]);
  const third = await planned(path, { onExisting: "fail" });
  expect(await perform(third.child)).toMatchObject({ kind: "failed", error: { code: "STATE_CONFLICT" } });
  expect(await tenantState("HELD-1")).toBe("provisioning");
  await release();
  expect(await moving).toMatchObject({ kind: "succeeded" });
  expect(await tenantState("HELD-1")).toBe("ready");
});

it("a license that was sold here and couldn't be made isn't replaced by an import", async () => {
  const { license, operation } = await acceptLicense(installation, {
    blueprint: "shop",
    clientName: "Sold here",
  });
  await cancelOperation(ctx, operation.id, OPS);
  expect(await tenantState(license.key)).toBe("failed");
  const path = await writeShop(join(installation.legacyDirectory, "sold"), [
    { name: license.key, clientName: "From the file" },
  ]);
  const { child } = await planned(path);
  expect(await perform(child)).toMatchObject({ kind: "failed", error: { code: "STATE_CONFLICT" } });
  expect((await getLicense(ctx, license.key)).license.clientName).toBe("Sold here");
});

it("a license that is here is locked after its tenant, as by whoever else changes one: neither waits for the other", async () => {
  const path = await writeShop(join(installation.legacyDirectory, "order"), [{ name: "ORDER-1" }]);
  const first = await planned(path);
  expect(await perform(first.child)).toMatchObject({ kind: "succeeded" });
  const { child } = await planned(path);
  await withAdmin(database.adminUrl, async (client) => {
    await client.query(
      `BEGIN; SET LOCAL lock_timeout = '5s'; SELECT FROM tenantry.tenants WHERE schema_name = 'shop_order_1' FOR UPDATE`,
    );
    const moving = perform(child);
    await untilBlocked(database.adminUrl, "tenantry-test-control");
    await client.query("SELECT FROM tenantry.licenses WHERE key = 'ORDER-1' FOR UPDATE; COMMIT");
    expect(await moving).toMatchObject({ kind: "succeeded" });
  });
});
