import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Benchmark } from "./benchmark.ts";
import { type LargeFile, writeLargeFile } from "./legacy/large-file.ts";
import type { Move, Mover } from "./legacy/mover.ts";
import { pgloader, pgloaderVersion } from "./legacy/pgloader.ts";
import { psqlVersion, readyMadeCsv } from "./legacy/ready-made-csv.ts";
import { rowByRow } from "./legacy/row-by-row.ts";
import { measureSmallLicenses, type SmallFigures, type SmallPlan } from "./legacy/small-licenses.ts";
import { tenantry } from "./legacy/tenantry.ts";
import type { Memory } from "./measuring/memory.ts";
import { type BenchServer, startBenchServer } from "./measuring/postgres-server.ts";
import { median } from "./measuring/statistics.ts";
import { table } from "./measuring/table.ts";

interface Plan {
  readonly rows: number;
  /** Of the file that is inserted row by row. */
  readonly fewRows: number;
  readonly rounds: number;
  readonly small: SmallPlan;
}

const FULL: Plan = {
  rows: 300_000,
  fewRows: 30_000,
  rounds: 5,
  small: { rounds: 3, licenses: 500, tenants: 100, workers: [2, 4] },
};

const QUICK: Plan = {
  rows: 30_000,
  fewRows: 3_000,
  rounds: 1,
  small: { rounds: 1, licenses: 20, tenants: 12, workers: [4] },
};

const WARM_UP_ROWS = 3_000;
/** What worker and reader may hold together while the large file comes in, MB. */
const PEAK_TARGET_MB = 250;
const LIMIT_TARGET = 0.8;

interface Speed {
  readonly name: string;
  readonly rowsPerSecond: number;
  readonly seconds: readonly number[];
  /** Tenantry's rows a second over this one's: the median of the rounds' own ratios. */
  readonly ofIt: number;
}

interface Target {
  readonly what: string;
  readonly asked: string;
  readonly measured: number;
  readonly met: boolean;
}

interface Figures {
  readonly plan: Plan;
  readonly targets: readonly Target[];
  readonly large: {
    readonly tables: LargeFile["tables"];
    readonly speeds: readonly Speed[];
    readonly peaks: readonly (Memory | null)[];
    readonly raw: Readonly<Record<string, readonly Move[]>>;
  };
  readonly small: SmallFigures;
}

/** How fast legacy files come in: a large one against its peers and the limit, and many small ones. See README.md. */
export const legacy: Benchmark = {
  name: "legacy",
  run: async ({ quick, tell, resources }) => {
    const plan = quick ? QUICK : FULL;
    const folder = resources.adopt(await mkdtemp(join(tmpdir(), "tenantry-bench-legacy-")), (path) =>
      rm(path, { recursive: true, force: true }),
    );
    const server = resources.adopt(await startBenchServer(), (each) => each.stop());
    const versions = { pgloader: await pgloaderVersion(), psql: await psqlVersion() };
    tell(`writing a file of ${plan.rows} rows`);
    const large = await writeLargeFile(join(folder, "large"), plan.rows, "LARG");
    const few = await writeLargeFile(join(folder, "few"), plan.fewRows, "FEWR");
    const warmUp = await writeLargeFile(join(folder, "warm-up"), WARM_UP_ROWS, "WARM");
    const csv = join(folder, "csv");
    await mkdir(csv);
    for (const [program, version] of Object.entries(versions)) {
      if (version === null) tell(`no ${program} on the path: what needs it is left out`);
    }
    const movers = [
      ...(versions.psql === null ? [] : [await readyMadeCsv(large, csv)]),
      tenantry(large, warmUp, folder),
      ...(versions.pgloader === null
        ? []
        : (["checked", "unchecked"] as const).map((keys) => pgloader(server.superuserUrl, large, keys))),
      rowByRow(few),
    ];
    const raw = await measureMoves(server, movers, plan.rounds, tell);
    const small = await measureSmallLicenses(server, folder, plan.small, tell);
    const figures = summarize(plan, movers, large, raw, small);
    return { servers: serversOf(server, versions), figures, report: report(figures) };
  },
};

/** In turns, each round beginning with another one; each move in a new and empty database. */
async function measureMoves(
  server: BenchServer,
  movers: readonly Mover[],
  rounds: number,
  tell: (message: string) => void,
): Promise<Map<string, Move[]>> {
  const raw = new Map<string, Move[]>(movers.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    tell(`large file, round ${round + 1} of ${rounds}`);
    const first = round % movers.length;
    for (const mover of [...movers.slice(first), ...movers.slice(0, first)]) {
      const databaseUrl = await server.createDatabase();
      await server.checkpoint();
      raw.get(mover.name)?.push(await mover.move(databaseUrl));
    }
  }
  return raw;
}

function summarize(
  plan: Plan,
  movers: readonly Mover[],
  large: LargeFile,
  raw: ReadonlyMap<string, readonly Move[]>,
  small: SmallFigures,
): Figures {
  const rates = (name: string): number[] => (raw.get(name) ?? []).map(({ rows, seconds }) => rows / seconds);
  const [ours] = movers.filter(({ kind }) => kind === "tenantry");
  const own = rates(ours?.name ?? "");
  const speeds = movers.map(({ name }) => ({
    name,
    rowsPerSecond: median(rates(name)),
    seconds: (raw.get(name) ?? []).map(({ seconds }) => seconds),
    ofIt: median(rates(name).map((rate, round) => (own[round] ?? Number.NaN) / rate)),
  }));
  const peaks = (raw.get(ours?.name ?? "") ?? []).map(({ peak }) => peak ?? null);
  const known = peaks.flatMap((peak) => peak?.togetherMb ?? []);
  const targets: Target[] = movers.flatMap(({ name, target }) => {
    const speed = speeds.find((each) => each.name === name);
    if (target === null || speed === undefined) return [];
    return [atLeast(`rows a second, of ${name}`, target, speed.ofIt)];
  });
  if (known.length > 0) {
    const measured = Math.max(...known);
    const met = measured < PEAK_TARGET_MB;
    targets.push({ what: "MB of worker and reader", asked: `below ${PEAK_TARGET_MB}`, measured, met });
  }
  targets.push(atLeast("small licenses a second, of the limit", LIMIT_TARGET, small.ofLimit));
  return {
    plan,
    targets,
    large: { tables: large.tables, speeds, peaks, raw: Object.fromEntries(raw) },
    small,
  };
}

function atLeast(what: string, least: number, measured: number): Target {
  return { what, asked: `at least ${least}`, measured, met: measured >= least };
}

function serversOf(
  server: BenchServer,
  versions: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const found = Object.entries(versions).filter((entry): entry is [string, string] => entry[1] !== null);
  return { postgresql: server.version, ...Object.fromEntries(found) };
}

function report({ plan, targets, large, small }: Figures): string {
  return [
    table(
      [`${plan.rows} rows, medians of ${plan.rounds} rounds`, "rows/s", "Tenantry's, of it"],
      large.speeds.map(({ name, rowsPerSecond, ofIt }) => [name, rowsPerSecond.toFixed(0), ofIt.toFixed(2)]),
    ),
    table(
      [`${plan.small.licenses} small licenses a run, medians of ${plan.small.rounds} rounds`, "tenants/s"],
      Object.entries(small.perSecond).map(([name, perSecond]) => [name, perSecond.toFixed(2)]),
    ),
    table(
      ["target", "asked", "measured", "met"],
      targets.map(({ what, asked, measured, met }) => [
        what,
        asked,
        measured.toFixed(2),
        met ? "yes" : "NOT MET",
      ]),
    ),
  ].join("\n\n");
}
