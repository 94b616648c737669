import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { performedBackup, performedLicense } from "../../../../test/support/perform.ts";
import { CALLER } from "../../../../test/support/restores.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import type { TenancyContext } from "../context.ts";
import { listBackups } from "./list-backups.ts";
import { orderRestore } from "./order-restore.ts";
import { orderVerify } from "./order-verify.ts";
import { retireBackups } from "./retire-backups.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({
  databaseUrl: database.url,
  blueprints: [tiny],
  backups: { retention: { last: 1, daily: 0, weekly: 0, monthly: 0 } },
});
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

async function readyOf(licenseKey: string): Promise<string[]> {
  return (await listBackups(ctx, { licenseKey }, { limit: 10 })).items.map(({ id }) => id);
}

/** The same, with something that happens when the first archive is about to be removed. */
function beforeFirstRemoval(happens: () => Promise<unknown>): TenancyContext {
  const { store } = ctx.backups;
  let pending: (() => Promise<unknown>) | null = happens;
  const remove: typeof store.remove = async (name) => {
    const now = pending;
    pending = null;
    await now?.();
    return store.remove(name);
  };
  const watched = new Proxy(store, {
    get: (of, key) => {
      if (key === "remove") return remove;
      const value: unknown = Reflect.get(of, key);
      return typeof value === "function" ? value.bind(of) : value;
    },
  });
  return { ...ctx, backups: { ...ctx.backups, store: watched } };
}

describe("the retention, while it is at work", () => {
  it.each(["restore", "verify-backup"])("leaves a backup alone that a %s was accepted of", async (kind) => {
    const key = await performedLicense(installation, ORDER);
    for (let count = 0; count < 3; count += 1) await performedBackup(installation, key);
    let wanted = "";
    const meanwhile = beforeFirstRemoval(async () => {
      wanted = (await readyOf(key)).at(-1) ?? "";
      await (kind === "restore"
        ? orderRestore(ctx, { id: wanted, mode: "copy" }, CALLER)
        : orderVerify(ctx, { id: wanted }, CALLER));
    });
    expect(await retireBackups(meanwhile)).toBe(1);
    expect(await readyOf(key)).toContain(wanted);
  });

  it("keeps the last good one when the newest turns out not to be", async () => {
    const key = await performedLicense(installation, ORDER);
    for (let count = 0; count < 3; count += 1) await performedBackup(installation, key);
    const [newest = ""] = await readyOf(key);
    const meanwhile = beforeFirstRemoval(() =>
      ctx.control
        .updateTable("backups")
        .set({ trouble: JSON.stringify({ code: "BACKUP_CORRUPT", detail: "broken" }) })
        .where("id", "=", newest)
        .execute(),
    );
    expect(await retireBackups(meanwhile)).toBe(1);
    expect(await readyOf(key)).toHaveLength(2);
  });
});
