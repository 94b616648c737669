import {
  type FleetStanding,
  fleetStandings,
  PAUSED_STEP,
  type WarmPoolEntry,
  warmPool,
} from "@tenantry/tenancy";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import type { Api } from "../api.ts";

/** Prometheus' text format. https://prometheus.io/docs/instrumenting/exposition_formats/ */
const TYPE = "text/plain; version=0.0.4; charset=utf-8";

export function metricsRoute(app: FastifyInstance, api: Api): void {
  app.get(
    "/metrics",
    {
      schema: {
        operationId: "metrics",
        summary: "Gauges in Prometheus' text format",
        tags: ["Health"],
        response: {
          200: { description: "The gauges", content: { "text/plain": { schema: Type.String() } } },
        },
      },
    },
    async (request, reply) => {
      const unfinished = await readUnfinished(api).catch((error: unknown) => {
        request.log.warn({ err: error }, "metrics without PostgreSQL");
        return null;
      });
      const spares =
        unfinished === null
          ? []
          : await warmPool(api.ctx).catch((error: unknown) => {
              request.log.warn({ err: error }, "metrics without the warm pool");
              return [];
            });
      const fleet = unfinished === null ? null : await readFleet(api).catch(() => null);
      const lines = [
        ...gauge("tenantry_build_info", "The version that runs", [[`version="${api.version}"`, 1]]),
        ...gauge("tenantry_postgresql_up", "1 when PostgreSQL answers", [["", unfinished === null ? 0 : 1]]),
        ...(unfinished === null ? [] : operationGauges(unfinished)),
        ...spareGauges(spares),
        ...(fleet === null ? [] : fleetGauges(fleet)),
        ...gauge("process_resident_memory_bytes", "Memory held", [["", process.memoryUsage.rss()]]),
        ...gauge("process_uptime_seconds", "Time since the start", [["", Math.round(process.uptime())]]),
      ];
      return reply.type(TYPE).send(`${lines.join("\n")}\n`);
    },
  );
}

type Unfinished = ReadonlyMap<string, { readonly count: number; readonly oldestSeconds: number }>;

/** One read of the partial index on unfinished operations: its cost doesn't grow with those that are done. */
async function readUnfinished(api: Api): Promise<Unfinished> {
  const rows = await api.ctx.control
    .selectFrom("operations")
    .select(({ fn }) => ["state", fn.countAll().as("count"), fn.min("created_at").as("oldest")])
    .where("state", "in", ["queued", "running"])
    // Runs last as long as their children, which are counted.
    .where("children", "is", null)
    // One that is paused waits for somebody's word.
    .where("step", "!=", PAUSED_STEP)
    .groupBy("state")
    .execute();
  const now = Date.now();
  return new Map(
    rows.map((row) => [
      row.state,
      { count: Number(row.count), oldestSeconds: Math.max(0, (now - row.oldest.getTime()) / 1_000) },
    ]),
  );
}

interface Fleet {
  readonly standings: readonly FleetStanding[];
  readonly paused: number;
}

/** Two reads of indexes: of tenants by version, and of unfinished operations. */
async function readFleet(api: Api): Promise<Fleet> {
  const { control } = api.ctx;
  const { paused } = await control
    .selectFrom("operations")
    .select(({ fn }) => fn.countAll().as("paused"))
    .where("state", "=", "queued")
    .where("step", "=", PAUSED_STEP)
    .executeTakeFirstOrThrow();
  return { standings: await fleetStandings(api.ctx), paused: Number(paused) };
}

function fleetGauges({ standings, paused }: Fleet): string[] {
  return [
    ...gauge(
      "tenantry_fleet_tenants_behind",
      "Tenants in use that are behind their blueprint's version",
      standings.map(({ blueprint, behind }) => [`blueprint="${blueprint}"`, behind]),
    ),
    ...gauge("tenantry_fleet_runs_paused", "Fleet migrations that are paused", [["", paused]]),
  ];
}

function operationGauges(unfinished: Unfinished): string[] {
  const states = ["queued", "running"] as const;
  return [
    ...gauge(
      "tenantry_operations",
      "Unfinished operations",
      states.map((state) => [`state="${state}"`, unfinished.get(state)?.count ?? 0]),
    ),
    ...gauge(
      "tenantry_operations_oldest_seconds",
      "Age of the oldest unfinished operation",
      states.map((state) => [`state="${state}"`, unfinished.get(state)?.oldestSeconds ?? 0]),
    ),
  ];
}

function spareGauges(entries: readonly WarmPoolEntry[]): string[] {
  const states = ["ready", "making", "retiring"] as const;
  return gauge(
    "tenantry_spares",
    "Schemas made ahead for tenants to come",
    entries.flatMap((entry) =>
      states.map((state): [string, number] => [
        `placement="${entry.placement}",blueprint="${entry.blueprint}",version="${entry.version}",state="${state}"`,
        entry[state],
      ]),
    ),
  );
}

function gauge(name: string, help: string, samples: readonly [labels: string, value: number][]): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...samples.map(([labels, value]) => `${name}${labels === "" ? "" : `{${labels}}`} ${value}`),
  ];
}
