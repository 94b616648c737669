import type { Installation } from "@tenantry/installation";
import { type OperationQueues, QueueUnavailableError } from "@tenantry/jobs";
import { type Finding, jobEntry, markEnqueued, type OutboxEntry, operationsInNeed } from "@tenantry/tenancy";

/** Operations compared with the queue at most, and jobs asked for at a time. */
const LOOK_AT = 200;
const AT_A_TIME = 20;

const GONE = new Set(["completed", "failed", "unknown"]);

/** Is the queue there, and does it hold a job for every operation (of one license) that needs one? */
export async function checkQueue(
  { ctx, queues, store }: Installation,
  licenseKey: string | null,
): Promise<Finding[]> {
  try {
    await queues.ping();
    const lost = await withoutJob(queues, await operationsInNeed(ctx, { licenseKey, limit: LOOK_AT }));
    const detail = `The queue (${store.kind === "redis" ? "Redis" : "PostgreSQL"}) answers and holds a job for all that waits`;
    if (lost.length === 0) return [{ check: "queue", severity: "ok", detail, remedy: null }];
    return lost.map((entry) => lostFinding({ ctx, queues }, entry));
  } catch (error) {
    if (!(error instanceof QueueUnavailableError)) throw error;
    return [
      {
        check: "queue",
        severity: "problem",
        detail: `The queue can't be reached: ${error.message}`,
        remedy:
          "See whether its server is up (REDIS_URL). What was accepted stays accepted, and is done when it is back.",
      },
    ];
  }
}

/** Sees to it that the queue holds an operation's job, whatever it held before. */
export async function announceUnfinished(
  { ctx, queues }: Pick<Installation, "ctx" | "queues">,
  operationId: string,
): Promise<void> {
  const entry = await jobEntry(ctx, operationId);
  if (entry === null) return;
  await queues.ensureEnqueued(entry);
  await markEnqueued(ctx, [operationId]);
}

function lostFinding(installation: Pick<Installation, "ctx" | "queues">, entry: OutboxEntry): Finding {
  const license = entry.licenseKey === null ? "" : `, license ${entry.licenseKey}`;
  return {
    check: "queue",
    severity: "problem",
    detail: `The queue holds no job for operation ${entry.id} (${entry.kind}${license})`,
    remedy: `A running \`tenantry up\` puts it back by itself within seconds; so does \`tenantry operation watch ${entry.id}\`.`,
    fix: {
      describe: `Put operation ${entry.id} on the queue again`,
      asks: false,
      apply: async () => {
        await announceUnfinished(installation, entry.id);
        return { operationIds: [entry.id] };
      },
    },
  };
}

async function withoutJob(queues: OperationQueues, entries: readonly OutboxEntry[]): Promise<OutboxEntry[]> {
  const lost: OutboxEntry[] = [];
  for (let from = 0; from < entries.length; from += AT_A_TIME) {
    const some = entries.slice(from, from + AT_A_TIME);
    const held = await Promise.all(some.map((entry) => holdsJob(queues, entry)));
    lost.push(...some.filter((_, index) => held[index] === false));
  }
  return lost;
}

async function holdsJob(queues: OperationQueues, entry: OutboxEntry): Promise<boolean> {
  const queue = queues.all.find(({ name }) => name === entry.kind);
  const job = await queue?.getJob(entry.id);
  return job !== undefined && !GONE.has(await job.getState());
}
