import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { backupsIn, createLogger, type Installation, openInstallation } from "@tenantry/installation";
import { measureSchema, measureServer } from "@tenantry/schema";
import { booking } from "@tenantry/schema/blueprints/booking";
import { createApiKey } from "@tenantry/tenancy";
import type { Benchmark } from "./benchmark.ts";
import { watchMemory } from "./measuring/memory.ts";
import { type BenchServer, SHARED_BUFFERS, startBenchServer } from "./measuring/postgres-server.ts";
import { startRedis } from "./measuring/redis-server.ts";
import { type Services, startServices } from "./measuring/services.ts";
import { untilWritten } from "./measuring/settle.ts";
import { median, percentile } from "./measuring/statistics.ts";
import { table } from "./measuring/table.ts";
import { atLeast, atMost, type Target, targetTable } from "./measuring/target.ts";
import { openShop, type Shop, type Stretch, sellMany } from "./scale/sell.ts";

interface Plan {
  /** Tenants that are there before the early and the late stretches. */
  readonly early: number;
  readonly existing: number;
  /** Tenants of a stretch, and how many stretches. */
  readonly stretch: number;
  /** The same where each has a spare. */
  readonly spares: number;
  readonly rounds: number;
}

const FULL: Plan = {
  early: 10,
  existing: 10_000,
  stretch: 60,
  spares: 30,
  rounds: 5,
};
const QUICK: Plan = {
  early: 5,
  existing: 60,
  stretch: 12,
  spares: 4,
  rounds: 1,
};

/** When memory is looked at, before the end. */
const MEMORY_AT = [100, 1_000, 3_000] as const;
/** Sales under way at once. */
const LANES = 4;
/** Tenants a second, and their latency the other way round, among many and among few. */
const FLAT_TARGET = 0.9;
const MEMORY_TARGET = 1.2;
const SAMPLE = 20;

interface Compared {
  readonly few: Pace;
  readonly many: Pace;
}

interface Pace {
  readonly existing: number;
  readonly tenantsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly stretches: readonly { readonly seconds: number }[];
}

interface Resident {
  readonly tenants: number;
  readonly apiMb: number | null;
  readonly workerMb: number | null;
}

/** An installation on a server of its own. */
interface Site {
  readonly server: BenchServer;
  readonly services: Services;
  readonly installation: Installation;
  readonly shop: Shop;
  readonly start: (
    environment?: Readonly<Record<string, string>>,
  ) => Promise<Pick<Site, "services" | "shop">>;
}

/** Whether the ten thousandth tenant costs what the tenth did: API and worker as processes of their own, `booking`. */
export const scale: Benchmark = {
  name: "scale",
  run: async ({ quick, existing, redisUrl, tell, resources }) => {
    const plan = { ...(quick ? QUICK : FULL), ...(existing === undefined ? {} : { existing }) };
    const redis = await startRedis(redisUrl);
    if (redis !== null) resources.defer(() => redis.stop());
    const open = (): Promise<Site> => openSite(redis?.url ?? null, resources);
    const crowded = await open();
    const resident: Resident[] = [];
    tell(`selling up to ${plan.existing} licenses`);
    const before = await crowded.server.work();
    const growth = { tenants: 0, seconds: 0 };
    for (const upTo of [...MEMORY_AT.filter((each) => each < plan.existing), plan.existing]) {
      const { tenants, seconds } = await sellMany(crowded.shop, upTo - growth.tenants, LANES);
      growth.tenants += tenants;
      growth.seconds += seconds;
      resident.push(await residentMemory(crowded.services, upTo));
    }
    const after = await crowded.server.work();
    const walBytes = (after.walBytes - before.walBytes) / growth.tenants;
    const footprint = await measureFootprint(crowded.installation, walBytes, growth);

    const calm = await open();
    await sellMany(calm.shop, plan.early, LANES);
    tell("settling");
    // As a server is that hasn't got its tenants just now: what they left to clean and to write is nobody's turn to pay.
    for (const { server } of [crowded, calm]) await server.settle();
    await untilWritten();
    tell("comparing");
    const cold = await compare(calm, crowded, plan, plan.stretch);
    tell("comparing, out of the warm pool");
    const environment = { WARM_TENANTS: String(plan.spares) };
    const again = await Promise.all([calm, crowded].map((site) => reopen(site, environment)));
    const [warmCalm, warmCrowded] = again as [Site, Site];
    const warm = await compare(warmCalm, warmCrowded, plan, plan.spares, (site) =>
      untilWarm(site, plan.spares),
    );
    const targets = judge(cold, warm, resident);
    return {
      servers: { PostgreSQL: crowded.server.version, Redis: redis?.version ?? "none: queue in PostgreSQL" },
      figures: { plan, cold, warm, resident, footprint, targets },
      report: report({ cold, warm }, resident, footprint, targets),
    };
  },
};

async function openSite(redisUrl: string | null, resources: AsyncDisposableStack): Promise<Site> {
  // As in earnest: the catalog grows by millions of rows, and somebody has to look after its statistics.
  const server = await startBenchServer({
    autovacuum: "on",
    max_connections: "200",
    shared_buffers: SHARED_BUFFERS,
    max_wal_size: "2GB",
    checkpoint_timeout: "5min",
  });
  resources.defer(() => server.stop());
  const databaseUrl = await server.createDatabase();
  const installation = await openBench(databaseUrl, redisUrl);
  resources.defer(() => installation.close());
  const { token } = await createApiKey(installation.ctx, {
    name: "bench",
    scopes: ["licenses:write", "operations:read"],
  });
  const start: Site["start"] = async (environment = {}) => {
    const services = await startServices({ databaseUrl, redisUrl, environment });
    resources.defer(() => services.stop());
    return { services, shop: openShop(services.address, token) };
  };
  return { server, installation, start, ...(await start()) };
}

async function reopen(site: Site, environment: Readonly<Record<string, string>>): Promise<Site> {
  await site.services.stop();
  return { ...site, ...(await site.start(environment)) };
}

/** Resolves when there is a spare for each of so many sales. */
async function untilWarm({ installation: { ctx } }: Site, spares: number): Promise<void> {
  for (;;) {
    const { ready } = await ctx.control
      .selectFrom("spares")
      .select(({ fn }) => fn.countAll<string>().as("ready"))
      .where("blueprint", "=", booking.name)
      .where("state", "=", "ready")
      .executeTakeFirstOrThrow();
    if (Number(ready) >= spares) return;
    await wait(500);
  }
}

function openBench(databaseUrl: string, redisUrl: string | null): Promise<Installation> {
  return openInstallation({
    databaseUrl,
    redisUrl,
    blueprints: [booking],
    role: "bench",
    provisioningConnections: 0,
    backups: backupsIn(join(tmpdir(), "tenantry-bench-backups")),
    legacyDirectory: join(tmpdir(), "tenantry-bench-legacy"),
    log: createLogger({ level: "error", name: "bench" }),
  });
}

/**
 * Stretches of so many tenants, both sites in turns, each round beginning with another: a drift of the machine hits both.
 *
 * @param prepare done for both before each round
 */
async function compare(
  calm: Site,
  crowded: Site,
  plan: Plan,
  tenants: number,
  prepare: (site: Site) => Promise<void> = async () => undefined,
): Promise<Compared> {
  const stretches = { few: [] as Stretch[], many: [] as Stretch[] };
  const turn = {
    few: async () => void stretches.few.push(await sellMany(calm.shop, tenants, LANES)),
    many: async () => void stretches.many.push(await sellMany(crowded.shop, tenants, LANES)),
  };
  for (let round = 0; round < plan.rounds; round++) {
    await Promise.all([calm, crowded].map(prepare));
    for (const which of round % 2 === 0 ? (["few", "many"] as const) : (["many", "few"] as const))
      await turn[which]();
  }
  return { few: pace(plan.early, stretches.few), many: pace(plan.existing, stretches.many) };
}

function pace(existing: number, stretches: readonly Stretch[]): Pace {
  const latencies = stretches.flatMap((stretch) => stretch.latencies);
  return {
    existing,
    tenantsPerSecond: median(stretches.map(({ tenants, seconds }) => tenants / seconds)),
    p50: median(latencies),
    p99: percentile(latencies, 0.99),
    stretches: stretches.map(({ seconds }) => ({ seconds })),
  };
}

async function residentMemory(services: Services, tenants: number): Promise<Resident> {
  const of = async (pid: number): Promise<number | null> => {
    const watch = watchMemory(pid);
    await wait(1_000);
    return (await watch.stop())?.residentMb ?? null;
  };
  return { tenants, apiMb: await of(services.api), workerMb: await of(services.worker) };
}

/** Of one tenant. */
interface Footprint {
  readonly relations: number;
  readonly files: number;
  readonly bytes: number;
  readonly walBytes: number;
  /** The catalog's, for each tenant that there is. */
  readonly catalogBytes: number;
  readonly tenantsPerSecond: number;
}

async function measureFootprint(
  { ctx }: Installation,
  walBytes: number,
  growth: { readonly tenants: number; readonly seconds: number },
): Promise<Footprint> {
  const tenants = await ctx.control.selectFrom("tenants").select("schema_name").execute();
  const { catalogs } = await measureServer(ctx.placements.main.provisioning);
  const sample = tenants.filter((_, index) => index % Math.ceil(tenants.length / SAMPLE) === 0);
  const measured = [];
  for (const { schema_name } of sample) {
    const one = await measureSchema(ctx.placements.main.provisioning, schema_name);
    if (one !== null) measured.push(one);
  }
  return {
    relations: median(measured.map(({ relations }) => relations)),
    files: median(measured.map(({ files }) => files)),
    bytes: median(measured.map(({ bytes }) => bytes)),
    walBytes,
    catalogBytes: catalogs.reduce((sum, { bytes }) => sum + bytes, 0) / tenants.length,
    tenantsPerSecond: growth.tenants / growth.seconds,
  };
}

function judge(cold: Compared, warm: Compared, resident: readonly Resident[]): Target[] {
  const [early, late] = [resident[0], resident.at(-1)];
  const flat = (what: string, { few, many }: Compared): Target[] => {
    const among = `${what}, among ${many.existing}, of the same among ${few.existing}`;
    return [
      atLeast(`tenants a second ${among}`, FLAT_TARGET, many.tenantsPerSecond / few.tenantsPerSecond),
      atLeast(`speed of the median tenant ${among}`, FLAT_TARGET, few.p50 / many.p50),
    ];
  };
  const memory = (which: "apiMb" | "workerMb", name: string): Target[] => {
    const [first, last] = [early?.[which], late?.[which]];
    if (typeof first !== "number" || typeof last !== "number") return [];
    return [
      atMost(
        `memory of the ${name} after ${late?.tenants} tenants, of that after ${early?.tenants}`,
        MEMORY_TARGET,
        last / first,
      ),
    ];
  };
  return [
    ...flat("cold", cold),
    ...flat("warm", warm),
    ...memory("apiMb", "API"),
    ...memory("workerMb", "worker"),
  ];
}

function report(
  paces: Readonly<Record<"cold" | "warm", Compared>>,
  resident: readonly Resident[],
  footprint: Footprint,
  targets: readonly Target[],
): string {
  const ms = (value: number): string => value.toFixed(1);
  return [
    table(
      ["sold", "existing tenants", "tenants/s", "p50 ms", "p99 ms"],
      Object.entries(paces).flatMap(([how, { few, many }]) =>
        [few, many].map((one) => [
          how,
          String(one.existing),
          one.tenantsPerSecond.toFixed(1),
          ms(one.p50),
          ms(one.p99),
        ]),
      ),
    ),
    table(
      ["memory after tenants", "API MB", "worker MB"],
      resident.map((one) => [
        String(one.tenants),
        one.apiMb?.toFixed(0) ?? "-",
        one.workerMb?.toFixed(0) ?? "-",
      ]),
    ),
    table(
      ["one tenant", "relations", "files", "kB", "kB of WAL", "kB of catalog"],
      [
        [
          "booking",
          String(footprint.relations),
          String(footprint.files),
          ...[footprint.bytes, footprint.walBytes, footprint.catalogBytes].map((bytes) =>
            (bytes / 1000).toFixed(0),
          ),
        ],
      ],
    ),
    targetTable(targets),
  ].join("\n\n");
}
