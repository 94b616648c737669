import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { tenantFileName, writeDedSource } from "../../test/support/legacy/ded-source.ts";
import { limit } from "../create-tenant/limit.ts";
import { measure } from "../create-tenant/measure.ts";
import { tenantry as creation } from "../create-tenant/tenantry.ts";
import type { Memory } from "../measuring/memory.ts";
import type { BenchServer } from "../measuring/postgres-server.ts";
import { median } from "../measuring/statistics.ts";
import { openMigration } from "./migration.ts";

export interface SmallPlan {
  readonly rounds: number;
  /** Licenses of one run. */
  readonly licenses: number;
  /** Tenants that the limit, and creation by order, make in a stretch. */
  readonly tenants: number;
  readonly workers: readonly number[];
}

export interface SmallFigures {
  /** What each round came to: tenants a second. */
  readonly raw: Readonly<Record<string, readonly number[]>>;
  /** Medians of the rounds. */
  readonly perSecond: Readonly<Record<string, number>>;
  /** Of the limit at its best number of workers, and of creation by order. */
  readonly ofLimit: number;
  readonly ofCreation: number;
  readonly peak: Memory | null;
}

const OURS = "Tenantry, licenses moved in";
const ORDERED = "Tenantry, licenses ordered";
const LIMIT = "bare text (limit)";

/** The workers that Tenantry is measured with: its default on two cores. */
const WORKERS = 4;
const WARM_UP = 4;

/** What a tenant that was used for a day holds. */
const ROWS = { security_logs: 9, session_logs: 4, customers: 2, products: 3, categories: 1, warehouses: 1 };

/** Runs of many licenses with little in them, against the limit of making their tenants at all. In turns. */
export async function measureSmallLicenses(
  server: BenchServer,
  folder: string,
  plan: SmallPlan,
  tell: (message: string) => void,
): Promise<SmallFigures> {
  tell(`writing ${plan.licenses} small licenses`);
  const source = await writeSource(join(folder, "small-licenses"), plan.licenses);
  const warmUp = await writeSource(join(folder, "small-warm-up"), WARM_UP, "WARM");
  const raw: Record<string, number[]> = {};
  let peak: Memory | null = null;
  const note = (name: string, perSecond: number): void => {
    raw[name] = [...(raw[name] ?? []), perSecond];
  };
  for (let round = 0; round < plan.rounds; round++) {
    tell(`small licenses, round ${round + 1} of ${plan.rounds}`);
    const created = async (contender: typeof limit, name: string, workers: number): Promise<void> => {
      const databaseUrl = await server.createDatabase();
      const { tenants } = plan;
      const stretch = await measure({ contender, server, databaseUrl, workers, tenants, warmUp: workers });
      note(name, stretch.tenantsPerSecond);
    };
    for (const workers of plan.workers) await created(limit, `${LIMIT}, ${workers} at once`, workers);
    await created(creation(null), ORDERED, WORKERS);
    const migration = await openMigration(await server.createDatabase(), folder, WORKERS);
    try {
      await migration.run(warmUp);
      await server.checkpoint();
      const run = await migration.run(source);
      note(OURS, run.licenses / run.seconds);
      if (run.peak !== null && run.peak.togetherMb > (peak?.togetherMb ?? 0)) peak = run.peak;
    } finally {
      await migration.close();
    }
  }
  const perSecond = Object.fromEntries(Object.entries(raw).map(([name, rates]) => [name, median(rates)]));
  const ours = perSecond[OURS] ?? Number.NaN;
  const limits = Object.entries(perSecond).filter(([name]) => name.startsWith(LIMIT));
  return {
    raw,
    perSecond,
    ofLimit: ours / Math.max(...limits.map(([, rate]) => rate)),
    ofCreation: ours / (perSecond[ORDERED] ?? Number.NaN),
    peak,
  };
}

/** The files are alike, so one is made and copied. */
export async function writeSource(folder: string, licenses: number, prefix = "SMAL"): Promise<string> {
  await mkdir(folder, { recursive: true });
  const key = (index: number): string => `${prefix}-0000-0000-${String(index).padStart(4, "0")}`;
  const source = writeDedSource(folder, {
    licenses: Array.from({ length: licenses }, (_, index) => ({
      key: key(index),
      ...(index === 0 ? { file: { rows: ROWS } } : {}),
    })),
  });
  const model = source.path(source.licenses[0]?.file ?? "");
  for (let index = 1; index < licenses; index++) {
    await copyFile(model, join(folder, "tenant_databases", tenantFileName(key(index))));
  }
  return folder;
}
