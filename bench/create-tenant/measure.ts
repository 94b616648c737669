import { inLanes } from "../measuring/lanes.ts";
import type { BenchServer } from "../measuring/postgres-server.ts";
import type { Contender } from "./contender.ts";

export interface MeasureInput {
  readonly contender: Contender;
  readonly server: BenchServer;
  readonly databaseUrl: string;
  readonly workers: number;
  readonly tenants: number;
  /** Tenants made before the clock starts, so that connections and code are warm. */
  readonly warmUp: number;
}

/** One stretch of measuring: raw, nothing left out. */
export interface Stretch {
  readonly contender: string;
  readonly workers: number;
  readonly tenants: number;
  readonly seconds: number;
  readonly tenantsPerSecond: number;
  readonly latenciesMs: readonly number[];
  /** POST to 202; empty where nothing is accepted. */
  readonly acceptMs: readonly number[];
  /** CPU time of this process, which for Tenantry is API, worker and caller in one. */
  readonly nodeCpuMs: number;
  /** Null where it can't be known. */
  readonly serverCpuMs: number | null;
  readonly writeTransactions: number;
  readonly walBytes: number;
}

/** Makes tenants as fast as one contender can with so many workers at once. */
export async function measure(input: MeasureInput): Promise<Stretch> {
  const { contender, server, databaseUrl, workers, tenants, warmUp } = input;
  const open = await contender.open({ databaseUrl, workers, tenants: tenants + warmUp });
  try {
    const lanes = workers * contender.inFlightPerWorker;
    await inLanes(lanes, warmUp, async () => void (await open.createTenant()));
    await server.checkpoint();
    const latenciesMs: number[] = [];
    const acceptMs: number[] = [];
    const before = await server.work();
    const cpuBefore = process.cpuUsage();
    const begun = performance.now();
    await inLanes(lanes, tenants, async () => {
      const asked = performance.now();
      const created = await open.createTenant();
      latenciesMs.push(performance.now() - asked);
      if (created.acceptMs !== undefined) acceptMs.push(created.acceptMs);
    });
    const seconds = (performance.now() - begun) / 1000;
    const cpu = process.cpuUsage(cpuBefore);
    const after = await server.work();
    return {
      contender: contender.name,
      workers,
      tenants,
      seconds,
      tenantsPerSecond: tenants / seconds,
      latenciesMs,
      acceptMs,
      nodeCpuMs: (cpu.user + cpu.system) / 1000,
      serverCpuMs: before.cpuMs === null || after.cpuMs === null ? null : after.cpuMs - before.cpuMs,
      writeTransactions: after.writeTransactions - before.writeTransactions,
      walBytes: after.walBytes - before.walBytes,
    };
  } finally {
    await open.close();
  }
}
