import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildApi } from "@tenantry/api";
import { backupsIn, createLogger, openInstallation } from "@tenantry/installation";
import { erp } from "@tenantry/schema/blueprints/erp";
import { createApiKey, hashPassword, keepSpares } from "@tenantry/tenancy";
import { startWorker } from "@tenantry/worker";
import { sql } from "kysely";
import { ADMIN, CUSTOMER } from "../create-tenant/sample-tenant.ts";
import { median } from "../measuring/statistics.ts";

/** What one sale took. Milliseconds. */
export interface Sale {
  readonly postMs: number;
  readonly jobMs: number;
}

/** A sales system that asks for one tenant after the other and waits for each. */
export interface Seller extends AsyncDisposable {
  /** @param warm with a spare for each sale, made before the clock starts */
  sell(sales: number, warm: boolean): Promise<Sale[]>;
}

const REQUEST = {
  ...CUSTOMER,
  adminUsername: ADMIN.username,
  adminPassword: ADMIN.password,
  licenseType: "yearly",
  maxUsers: 10,
} as const;

/** API and worker share this process, as under `npm start`. */
export async function openSeller(databaseUrl: string, redisUrl: string | null): Promise<Seller> {
  const installation = await openInstallation({
    databaseUrl,
    redisUrl,
    blueprints: [erp],
    role: "bench",
    provisioningConnections: 2,
    backups: backupsIn(join(tmpdir(), "tenantry-bench-backups")),
    legacyDirectory: join(tmpdir(), "tenantry-bench-legacy"),
    log: createLogger({ level: "silent", name: "bench" }),
  });
  const { ctx, queues, watch } = installation;
  const worker = await startWorker(installation, { concurrency: 2 });
  const api = await buildApi({
    ctx,
    queues,
    watch,
    ops: { user: "ops", passwordHash: await hashPassword("nobody signs in here") },
    sessionTtlMs: 3_600_000,
    version: "bench",
  });
  const address = await api.listen({ host: "127.0.0.1", port: 0 });
  const { token } = await createApiKey(ctx, { name: "bench", scopes: ["licenses:write"] });

  async function sellOne(warm: boolean): Promise<Sale> {
    const begun = performance.now();
    const response = await fetch(`${address}/v1/licenses`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", prefer: "wait=30" },
      body: JSON.stringify(REQUEST),
    });
    const body = (await response.json()) as { operation: { id: string; result?: { warm?: boolean } } };
    const postMs = performance.now() - begun;
    const { id, result } = body.operation;
    if (response.status !== 201 || (result?.warm === true) !== warm)
      throw new Error(`${response.status}: ${JSON.stringify(body)}`);
    const { rows } = await sql<{ ms: number }>`
      select extract(epoch from pg_xact_commit_timestamp(tenants.xmin) - operations.started_at)::float8 * 1000 as ms
      from tenantry.operations join tenantry.tenants on tenants.license_id = operations.license_id
      where operations.id = ${id}`.execute(ctx.control);
    return { postMs, jobMs: rows[0]?.ms ?? Number.NaN };
  }

  return {
    sell: async (count, warm) => {
      const sales: Sale[] = [];
      // Few at a time, as a pool is in use: the connections that make them aren't those that hand them over.
      while (sales.length < count) {
        const batch = Math.min(10, count - sales.length);
        await keepSpares(ctx, { wanted: warm ? batch : 0 });
        for (let sale = 0; sale < batch; sale++) sales.push(await sellOne(warm));
      }
      return sales;
    },
    [Symbol.asyncDispose]: async () => {
      await api.close();
      await worker.close();
      await installation.close();
    },
  };
}

const HASHES = 15;

/** How long the hash of a password takes on its own. Milliseconds. */
export async function measureHash(): Promise<number> {
  const times: number[] = [];
  for (let hash = 0; hash < HASHES; hash++) {
    const begun = performance.now();
    await hashPassword(ADMIN.password);
    times.push(performance.now() - begun);
  }
  return median(times);
}
