import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { perform, performedBackup, performedLicense } from "../../../../test/support/perform.ts";
import { CALLER } from "../../../../test/support/restores.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { claimOperation } from "../claim.ts";
import { deleteLicense } from "../delete-license.ts";
import { scrubLicenses } from "../erase/scrub-licenses.ts";
import { cancelOperation, retryOperation } from "../operation-control.ts";
import { listKeptSchemas } from "./kept-schemas.ts";
import { loadTenant } from "./load-tenant.ts";
import { orderRestore } from "./order-restore.ts";
import { loadRestore } from "./restored-tenant.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

/** A restore of a deleted tenant whose worker dies when the backup is in place, and nothing is recorded of it. */
async function broughtBack(): Promise<{ operationId: string; licenseId: string; key: string }> {
  const key = await performedLicense(installation, ORDER);
  const { id } = await performedBackup(installation, key);
  const deletion = await deleteLicense(ctx, { licenseKey: key }, CALLER);
  expect(await perform(installation, deletion.operation.id)).toMatchObject({ kind: "succeeded" });
  const { answer } = await orderRestore(ctx, { id, mode: "replace" }, CALLER);
  const operationId = answer.operation.id;
  const claimed = await claimOperation(ctx, { operationId, worker: "test", leaseMs: 60_000 });
  if (claimed.kind !== "claimed") throw new Error(claimed.kind);
  const restore = await loadRestore(ctx, operationId);
  expect(await loadTenant(ctx, { ...claimed, report: () => undefined }, restore)).toBe("there");
  return { operationId, licenseId: restore.license.id, key };
}

const end = (operationId: string, state: "queued" | "failed") =>
  ctx.control
    .updateTable("operations")
    .set({
      state,
      available_at: new Date(),
      ...(state === "failed"
        ? { finished_at: new Date(), error: JSON.stringify({ code: "UNAVAILABLE" }) }
        : {}),
    })
    .where("id", "=", operationId)
    .execute();

const stateOf = async (licenseId: string) =>
  (
    await ctx.control
      .selectFrom("tenants")
      .select("state")
      .where("license_id", "=", licenseId)
      .executeTakeFirstOrThrow()
  ).state;

describe("a deleted tenant whose backup is in place, before that is recorded", () => {
  it("can't be called off any more, and comes back", async () => {
    const { operationId, licenseId, key } = await broughtBack();
    // Its next attempt waits.
    await end(operationId, "queued");
    await expect(cancelOperation(ctx, operationId, CALLER)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    expect(await perform(installation, operationId)).toMatchObject({ kind: "succeeded" });
    expect(await stateOf(licenseId)).toBe("ready");
    // There was nothing to put aside.
    const kept = (await listKeptSchemas(ctx, { limit: 200 })).items;
    expect(kept.filter(({ licenseKey }) => licenseKey === key)).toEqual([]);
  });

  it("doesn't come back once its license was erased", async () => {
    const { operationId, licenseId } = await broughtBack();
    await end(operationId, "failed");
    await ctx.control
      .transaction()
      .execute((transaction) => scrubLicenses(transaction, [licenseId], "cli:test"));
    await expect(retryOperation(ctx, operationId, CALLER)).rejects.toMatchObject({ code: "STATE_CONFLICT" });
    expect(await stateOf(licenseId)).toBe("deleted");
  });
});
