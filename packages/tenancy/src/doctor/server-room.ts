import { locksToMake, measureServer, type ServerMeasures } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { DEFAULT_PLACEMENT } from "../context.ts";
import { reachPlacement } from "./reach-placement.ts";

/** What one worker may need of each server. */
export interface WorkerNeeds {
  /** Tenants worked on at once. */
  readonly concurrency: number;
  /** Connections at its busiest: on the server with the control schema, and on each other. */
  readonly connections: { readonly main: number; readonly placement: number };
}

/**
 * Tells the log of servers whose shared table of locks, or whose connections, may be too few for a worker. Others that are at
 * work there need theirs as well. Only tells: a server that can't be asked is no reason not to work.
 */
export async function noteServerRoom(ctx: TenancyContext, needs: WorkerNeeds): Promise<void> {
  const locks = needs.concurrency * Math.max(0, ...[...ctx.blueprints.values()].map(locksToMake));
  const names = await ctx.control.selectFrom("placements").select("name").execute();
  for (const { name } of names) {
    const { placement } = await reachPlacement(ctx, name);
    if (placement === null) continue;
    const server = await measureServer(placement.provisioning);
    noteLocks(ctx, name, server, locks);
    const { main, placement: elsewhere } = needs.connections;
    noteConnections(ctx, name, server, name === DEFAULT_PLACEMENT ? main : elsewhere);
  }
}

function noteLocks(ctx: TenancyContext, name: string, { locks }: ServerMeasures, needed: number): void {
  if (locks.room >= needed) return;
  ctx.log.warn(
    {
      placement: name,
      maxLocksPerTransaction: locks.perTransaction,
      room: locks.room,
      needed,
      remedy: `Set max_locks_per_transaction to ${Math.ceil((locks.perTransaction * needed) / locks.room)} or lower WORKER_CONCURRENCY`,
    },
    "the server may run out of locks when this worker is busy",
  );
}

/** Those in use count for their full number, some of them our own: a worker starts with few. */
function noteConnections(
  ctx: TenancyContext,
  name: string,
  { connections }: ServerMeasures,
  needed: number,
): void {
  const room = connections.most - connections.reserved;
  if (connections.used + needed <= room) return;
  ctx.log.warn(
    {
      placement: name,
      maxConnections: connections.most,
      inUse: connections.used,
      needed,
      remedy: `Set max_connections to ${connections.most + connections.used + needed - room}, lower WORKER_CONCURRENCY, or put a pooler before the server (docs/scaling.md)`,
    },
    "the server may run out of connections when this worker is busy",
  );
}
