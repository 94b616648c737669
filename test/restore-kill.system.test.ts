import { randomInt } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { RestoreResult } from "@tenantry/tenancy";
import { expect, it } from "vitest";
import { withAdmin } from "./support/database.ts";
import { killBackend } from "./support/kill-backend.ts";
import { startPrivateServer } from "./support/private-server.ts";
import { ended } from "./support/requests.ts";
import { backedUp, order, restoreSchemas } from "./support/restores.ts";
import { openTestInstallation } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";
import { startWorkerProcess } from "./support/worker-process.ts";

// Killing one backend makes PostgreSQL start all others anew.
const server = await startPrivateServer();

const KILLS = 6;
const ROWS = 150_000;

it("restores whose worker or server is killed at any moment end as those that aren't", async () => {
  const { url, adminUrl } = await server.createDatabase("stormy");
  const installation = await openTestInstallation({ databaseUrl: url, blueprints: [tiny] });
  const ask = (statement: string) =>
    untilAwake(() => withAdmin(adminUrl, async (client) => (await client.query(statement)).rows));
  const itemsIn = async (schema: string): Promise<number> =>
    (await ask(`SELECT count(*)::int AS n FROM ${schema}.items`))[0].n;

  const maker = await installation.work();
  const [tenant] = await readyTenants(installation, 1, {
    blueprint: "tiny",
    adminUsername: undefined,
    adminPassword: undefined,
  });
  if (tenant === undefined) throw new Error("no tenant");
  const { schema_name: schema } = tenant.row;
  await ask(`INSERT INTO ${schema}.items SELECT generate_series(1, ${ROWS})`);
  const { id } = await backedUp(installation, tenant.key);
  await maker.close();

  let worker = await startWorkerProcess(url, null, installation.backupDirectory);
  const killed: string[] = [];
  const kept: string[] = [];
  for (let turn = 1; turn <= KILLS; turn++) {
    await ask(`INSERT INTO ${schema}.items VALUES (0)`);
    const mode = turn % 4 === 0 ? "copy" : "replace";
    const operationId = await untilAwake(() => order(installation, id, mode));
    await wait(randomInt(20, 1_500));
    if (turn % 2 === 0) {
      await worker.kill();
      killed.push(`worker, ${mode}`);
    } else {
      killed.push(`${(await killBackend(adminUrl, worker.role)) ? "PostgreSQL" : "nothing"}, ${mode}`);
    }
    const now = await itemsIn(schema);
    expect(now, killed.join("; ")).toBeGreaterThanOrEqual(ROWS);
    if (turn % 2 === 0) worker = await startWorkerProcess(url, null, installation.backupDirectory);
    const row = await untilAwake(() => ended(installation, operationId));
    expect(row, killed.join("; ")).toMatchObject({ state: "succeeded", error: null });
    const result = row.result as RestoreResult;
    expect(await itemsIn(result.schema), killed.join("; ")).toBe(ROWS);
    if (mode === "replace") kept.push(`before_restore_${operationId.replaceAll("-", "")}`);
    expect(await untilAwake(() => restoreSchemas(adminUrl))).toEqual({ loading: [], kept: [...kept].sort() });
    const noted = await ask("SELECT schema_name FROM tenantry.kept_schemas ORDER BY 1");
    expect(noted.map(({ schema_name }) => schema_name)).toEqual([...kept].sort());
  }
  for (const name of kept) expect(await itemsIn(name)).toBeGreaterThan(ROWS);
  await worker.kill();
}, 180_000);

async function untilAwake<T>(work: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 30_000; ; await wait(50)) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
