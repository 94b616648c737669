import type { Benchmark } from "./benchmark.ts";
import { measureAmongMany } from "./create-tenant/among-many.ts";
import type { Contender } from "./create-tenant/contender.ts";
import { kyselyMigrator } from "./create-tenant/kysely-migrator.ts";
import { limit } from "./create-tenant/limit.ts";
import type { Stretch } from "./create-tenant/measure.ts";
import { nodePgMigrate, nodePgMigrateSql } from "./create-tenant/node-pg-migrate.ts";
import { measureOnEmptyServer } from "./create-tenant/on-empty-server.ts";
import { measureParts, type Parts } from "./create-tenant/parts.ts";
import { FULL, type Plan, QUICK } from "./create-tenant/plan.ts";
import { partsReport, ratioReport, summaryReport } from "./create-tenant/report.ts";
import { best, type Summary, summarize } from "./create-tenant/summary.ts";
import { type Ratio, ratios } from "./create-tenant/targets.ts";
import { tenantry } from "./create-tenant/tenantry.ts";
import { type BenchServer, startBenchServer } from "./measuring/postgres-server.ts";
import { startRedis } from "./measuring/redis-server.ts";

interface Figures {
  readonly plan: Plan;
  readonly ratios: readonly Ratio[];
  readonly onEmptyServer: { readonly summaries: readonly Summary[]; readonly raw: readonly Stretch[] };
  readonly amongMany: { readonly summaries: readonly Summary[]; readonly raw: readonly Stretch[] };
  readonly parts: readonly Parts[];
}

/** How fast tenants of the `erp` blueprint are made: the limit, the ordinary ways, and Tenantry. See README.md. */
export const createTenant: Benchmark = {
  name: "create-tenant",
  run: async ({ quick, existing, redisUrl, tell, resources }) => {
    const usual = quick ? QUICK : FULL;
    const plan = { ...usual, existing: existing ?? usual.existing };
    const server = resources.adopt(await startBenchServer(), (each) => each.stop());
    const redis = resources.adopt(await startRedis(redisUrl), async (each) => each?.stop());
    if (redis === null) tell("no redis-server on the path and no REDIS_URL: the queue in Redis is left out");
    const contenders = [
      ...[limit, kyselyMigrator, nodePgMigrate, nodePgMigrateSql, tenantry(null)],
      ...(redis === null ? [] : [tenantry(redis.url)]),
    ];
    const figures = await measureAll(server, contenders, plan, tell);
    const servers = { postgresql: server.version, ...(redis === null ? {} : { redis: redis.version }) };
    return { servers, figures, report: report(figures) };
  },
};

async function measureAll(
  server: BenchServer,
  contenders: readonly Contender[],
  plan: Plan,
  tell: (message: string) => void,
): Promise<Figures> {
  const parts: Parts[] = [];
  for (const contender of contenders.filter(({ kind }) => kind === "tenantry")) {
    tell(`where the time goes: ${contender.name}`);
    parts.push(await measureParts(server, contender, plan.partsTenants));
  }
  const empty = await measureOnEmptyServer(server, contenders, plan, tell);
  const onEmpty = summarize(empty);
  const bestWorkers = (contender: string): number => best(onEmpty, contender).workers;
  const many = plan.existing === 0 ? [] : await measureAmongMany(server, contenders, bestWorkers, plan, tell);
  const amongMany = summarize(many);
  return {
    plan,
    ratios: [
      ...ratios(contenders, onEmpty, 0),
      ...(many.length === 0 ? [] : ratios(contenders, amongMany, plan.existing)),
    ],
    onEmptyServer: { summaries: onEmpty, raw: empty },
    amongMany: { summaries: amongMany, raw: many },
    parts,
  };
}

function report({ plan, onEmptyServer, amongMany, parts, ratios: compared }: Figures): string {
  return [
    summaryReport(`On an empty server, medians of ${plan.rounds} rounds`, onEmptyServer.summaries),
    ...(amongMany.summaries.length === 0
      ? []
      : [
          summaryReport(
            `Among ${plan.existing} tenants, medians of ${plan.existingRounds} rounds`,
            amongMany.summaries,
          ),
        ]),
    ...parts.map(partsReport),
    ratioReport(compared),
  ].join("\n\n\n");
}
