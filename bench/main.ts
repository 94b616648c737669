import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { backup } from "./backup.ts";
import type { Benchmark, BenchmarkOptions, ResultFile } from "./benchmark.ts";
import { createTenant } from "./create-tenant.ts";
import { fleet } from "./fleet.ts";
import { isolation } from "./isolation.ts";
import { legacy } from "./legacy.ts";
import { describeMachine } from "./measuring/machine.ts";
import { neighbours } from "./neighbours.ts";
import { scale } from "./scale.ts";
import { warmPoolBenchmark } from "./warm-pool.ts";

const BENCHMARKS: readonly Benchmark[] = [
  createTenant,
  isolation,
  legacy,
  backup,
  scale,
  warmPoolBenchmark,
  fleet,
  neighbours,
];
const RESULTS = join(import.meta.dirname, "results");

const USAGE = `Usage: npm run bench [-- [--quick] [--existing N] [NAME…]]

  NAME          a benchmark (${BENCHMARKS.map(({ name }) => name).join(", ")}); all of them without one
  --quick       a smoke run of about a minute: its figures mean little and are not kept
  --warm        tenants out of the warm pool: the same as warm-pool
  --existing N  tenants that are there before, in the part that has some; 0 leaves it out

REDIS_URL names a Redis to measure with, an empty one; without it a redis-server on the path is started.
DATABASE_URL names another PostgreSQL, as its superuser: isolation is measured on it too.
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean" },
      warm: { type: "boolean" },
      existing: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return void process.stdout.write(USAGE);
  const existing = values.existing === undefined ? undefined : Number(values.existing);
  if (existing !== undefined && !(Number.isSafeInteger(existing) && existing >= 0)) {
    throw new RangeError(`--existing must be a whole number\n\n${USAGE}`);
  }
  if (values.warm === true) positionals.splice(0, positionals.length, warmPoolBenchmark.name);
  const chosen = BENCHMARKS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  if (chosen.length < positionals.length) throw new RangeError(`no such benchmark\n\n${USAGE}`);

  await using resources = new AsyncDisposableStack();
  stopOnSignal(resources);
  const options: BenchmarkOptions = {
    quick: values.quick ?? false,
    existing,
    redisUrl: process.env.REDIS_URL,
    databaseUrl: process.env.DATABASE_URL,
    tell: (message) => void process.stderr.write(`${new Date().toISOString().slice(11, 19)}  ${message}\n`),
    resources,
  };
  for (const benchmark of chosen) await runAndKeep(benchmark, options);
}

async function runAndKeep(benchmark: Benchmark, options: BenchmarkOptions): Promise<void> {
  const date = new Date().toISOString();
  const { servers, figures, report } = await benchmark.run(options);
  process.stdout.write(`${report}\n`);
  if (options.quick) return;
  const content: ResultFile = {
    benchmark: benchmark.name,
    date,
    command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
    machine: describeMachine(),
    servers,
    figures,
  };
  await mkdir(RESULTS, { recursive: true });
  const file = join(RESULTS, `${benchmark.name}.json`);
  await writeFile(file, `${JSON.stringify(content, roundedNumbers, 1)}\n`);
  process.stdout.write(`\nWritten to bench/results/${benchmark.name}.json\n`);
}

/** Servers outlive a process that just dies. */
function stopOnSignal(resources: AsyncDisposableStack): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      // What is cut off in the middle fails, and must not keep the servers from being stopped.
      process.on("uncaughtException", () => undefined);
      void resources.disposeAsync().finally(() => process.exit(1));
    });
  }
}

/** Three decimals: more would be noise. */
function roundedNumbers(_: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 1000) / 1000 : value;
}

await main();
