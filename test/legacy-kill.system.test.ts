import { randomInt } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { expect, it } from "vitest";
import { childProcesses } from "./support/child-processes.ts";
import { killBackend, killProcess } from "./support/kill-backend.ts";
import { dedSource, plant } from "./support/legacy-files.ts";
import { endOf, migrated, orderMigration } from "./support/legacy-run.ts";
import { type LegacyState, legacyState } from "./support/legacy-state.ts";
import { startPrivateServer } from "./support/private-server.ts";
import { openTestInstallation } from "./support/tenantry.ts";
import { startWorkerProcess, type WorkerProcess } from "./support/worker-process.ts";

// Killing one backend makes PostgreSQL start all others anew.
const server = await startPrivateServer();

const KILLS = 10;
const WORKERS = 2;
const LICENSES = 10;
const ROWS = { customers: 60, products: 40, sales_invoices: 100, sales_invoice_items: 400 };

const source = dedSource({
  checks: 3,
  licenses: Array.from({ length: LICENSES }, (_, index) => ({
    // Some have no file and are made anew, some have rows that can't come in.
    ...(index % 4 === 3 ? {} : { file: { rows: ROWS, change: index % 4 === 1 ? spoil : () => undefined } }),
  })),
});

function spoil(db: Parameters<typeof plant>[0]): void {
  plant(db, "sales_invoice_items", 7, { product_id: 99_999 });
  plant(db, "sales_invoices", 3, { customer_id: 99_999 });
  plant(db, "products", 5, { min_price: "many" });
}

it("a run whose worker, reader or server is killed again and again ends as one that wasn't", async () => {
  const since = new Date();
  const order = { system: "ded", path: source.folder } as const;
  const calm = await server.createDatabase("calm");
  const undisturbed = await openTestInstallation({ databaseUrl: calm.url });
  const worker = await undisturbed.work();
  expect((await migrated(undisturbed, order)).state).toBe("succeeded");
  await worker.close();
  const expected = await legacyState(calm.adminUrl, since);
  expect(Object.keys(expected.licenses)).toHaveLength(LICENSES);
  expect(expected.quarantine.length).toBeGreaterThan(8);

  const stormy = await server.createDatabase("stormy");
  const installation = await openTestInstallation({ databaseUrl: stormy.url });
  const workers: WorkerProcess[] = [];
  while (workers.length < WORKERS) workers.push(await startWorkerProcess(stormy.url, null));
  const runId = await orderMigration(installation, order);
  const killed: string[] = [];
  for (let turn = 0; killed.length < KILLS; turn++) {
    await wait(randomInt(20, 300));
    const victim = workers[randomInt(workers.length)] as WorkerProcess;
    const what = (["worker", "reader", "PostgreSQL"] as const)[turn % 3] ?? "worker";
    if (what === "worker") {
      await victim.kill();
      workers[workers.indexOf(victim)] = await startWorkerProcess(stormy.url, null);
    } else if (what === "reader" ? !killReader(victim) : !(await killBackend(stormy.adminUrl, victim.role)))
      continue;
    killed.push(what);
    await expectWholeOrNothing(stormy.adminUrl, expected, since);
  }
  const run = await endOf(installation, runId);
  const faults = run.items.flatMap((item) => item.error ?? []);
  expect({ state: run.state, faults }, killed.join(", ")).toEqual({ state: "succeeded", faults: [] });
  expect(await legacyState(stormy.adminUrl, since), killed.join(", ")).toEqual(expected);
  for (const each of workers) await each.kill();
}, 180_000);

/** False when it has none just now. */
function killReader(worker: WorkerProcess): boolean {
  const readers = childProcesses(worker.pid);
  return readers.filter(killProcess).length > 0;
}

/** Whatever there is of a license's tenant is all of it. */
async function expectWholeOrNothing(adminUrl: string, expected: LegacyState, since: Date): Promise<void> {
  const now = await untilAwake(() => legacyState(adminUrl, since));
  expect(now.strays).toEqual([]);
  for (const [key, { tables }] of Object.entries(now.licenses)) {
    if (Object.keys(tables).length > 0) expect(tables).toEqual(expected.licenses[key]?.tables);
  }
}

async function untilAwake<T>(work: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 30_000; ; await wait(50)) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
