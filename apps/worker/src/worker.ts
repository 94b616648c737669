import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Installation } from "@tenantry/installation";
import { announceChildren, Dispatcher, MaintenanceWorker, OperationWorkers } from "@tenantry/jobs";
import { forgetOldAttempts, forgetOldChecks, noteServerRoom } from "@tenantry/tenancy";

export interface WorkerOptions {
  /** Tenants worked on at once. */
  readonly concurrency: number;
  /** A worker silent for so long counts as dead, and its work is taken over. Milliseconds. */
  readonly leaseMs?: number;
  /** How long a shutdown waits for work under way. Milliseconds. */
  readonly drainMs?: number;
  /** How often the dispatcher looks for operations that wait without a job. Milliseconds. */
  readonly dispatchIntervalMs?: number;
  /** How long the queue is trusted to hold a job before it is looked for. Milliseconds. */
  readonly recheckMs?: number;
  /** Spares to keep of each blueprint on each placement. Null, the default, leaves them to other workers. */
  readonly warmTenants?: number | null;
}

export interface RunningWorker {
  readonly name: string;
  close(): Promise<void>;
}

const LEASE_MS = 15_000;
const DRAIN_MS = 30_000;
const DISPATCH_INTERVAL_MS = 1_000;
const RECHECK_MS = 10_000;
const HOUSEKEEPING_MS = 3_600_000;

/** Starts working: takes jobs, dispatches what waits without one, and keeps house. Resolves when it takes jobs. */
export async function startWorker(
  installation: Installation,
  options: WorkerOptions,
): Promise<RunningWorker> {
  const { ctx, queues, store, applicationName } = installation;
  const name = `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`;
  const leaseMs = options.leaseMs ?? LEASE_MS;
  const warmTenants = options.warmTenants ?? null;
  const workers = new OperationWorkers(ctx, {
    store,
    applicationName,
    workerName: name,
    concurrency: options.concurrency,
    leaseMs,
    onEnded: (kind) => {
      if (kind !== "create-tenant" || warmTenants === null || warmTenants === 0) return;
      // Where the queue is away, the next round comes by itself.
      queues.maintenance
        .ringForSpares()
        .catch((error: unknown) => ctx.log.warn({ err: error }, "the warm pool isn't looked at now"));
    },
    announceChildren: (runId) => announceChildren(ctx, queues, runId),
  });
  const dispatcher = new Dispatcher(ctx, queues, {
    intervalMs: options.dispatchIntervalMs ?? DISPATCH_INTERVAL_MS,
    recheckMs: options.recheckMs ?? RECHECK_MS,
    leaseMs,
  });
  const maintenance = new MaintenanceWorker(ctx, queues, {
    store,
    applicationName,
    workerName: name,
    leaseMs,
    warmTenants,
  });
  const housekeeping = setInterval(() => {
    for (const forget of [forgetOldAttempts, forgetOldChecks]) {
      forget(ctx).catch((error: unknown) => ctx.log.warn({ err: error }, "housekeeping failed"));
    }
  }, HOUSEKEEPING_MS);
  dispatcher.start();
  maintenance.start();
  const { connectionsAtMost: connections } = installation;
  noteServerRoom(ctx, { concurrency: options.concurrency, connections }).catch((error: unknown) =>
    ctx.log.warn({ err: error }, "it isn't known whether the servers have room for this worker"),
  );
  if (store.kind === "postgres") await workers.ready();
  ctx.log.info({ worker: name, concurrency: options.concurrency, queue: store.kind }, "worker started");
  return {
    name,
    close: async () => {
      clearInterval(housekeeping);
      await dispatcher.stop();
      const drainMs = options.drainMs ?? DRAIN_MS;
      await Promise.all([workers.close(drainMs), maintenance.close(drainMs)]);
    },
  };
}
