import { controlDatabase, createPool } from "@tenantry/schema";
import { describe, expect, it, onTestFinished } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { perform, performedBackup, performedLicense } from "../../../../test/support/perform.ts";
import { CALLER } from "../../../../test/support/restores.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import type { TenancyContext } from "../context.ts";
import { cancelOperation } from "../operation-control.ts";
import { getBackup } from "./list-backups.ts";
import { orderVerify } from "./order-verify.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

describe("a verification", async () => {
  const { id } = await performedBackup(installation, await performedLicense(installation, ORDER));

  it("is accepted on one connection: requests that hold one never wait for another", async () => {
    const pool = createPool({
      connectionString: database.url,
      applicationName: "tenantry-test-single",
      max: 1,
      statementTimeout: 5_000,
      lockTimeout: 5_000,
      idleInTransactionTimeout: 5_000,
      onConnectionLost: () => undefined,
    });
    onTestFinished(() => pool.end());
    const single: TenancyContext = { ...ctx, control: controlDatabase(pool) };
    const { answer } = await orderVerify(single, { id }, CALLER);
    expect(answer.operation).toMatchObject({ kind: "verify-backup", state: "queued" });
  });

  it("that is called off while it loads ends there", async () => {
    const { answer } = await orderVerify(ctx, { id }, CALLER);
    const operationId = answer.operation.id;
    const { store } = ctx.backups;
    let reads = 0;
    // Read once to be checked, and once to be loaded.
    const read: typeof store.read = async (name) => {
      reads += 1;
      if (reads === 2) await cancelOperation(ctx, operationId, CALLER);
      return store.read(name);
    };
    const backups = {
      ...ctx.backups,
      store: new Proxy(store, { get: (of, key) => (key === "read" ? read : member(of, key)) }),
    };
    expect(await perform({ ctx: { ...ctx, backups } }, operationId)).toMatchObject({ kind: "canceled" });
    expect(await getBackup(ctx, id)).toMatchObject({ verifiedAt: null, trouble: null });
  });
});

function member<T extends object>(of: T, key: string | symbol): unknown {
  const value: unknown = Reflect.get(of, key);
  return typeof value === "function" ? value.bind(of) : value;
}
