import type { Machine } from "./measuring/machine.ts";

/** What a benchmark is told. */
export interface BenchmarkOptions {
  /** A smoke run. */
  readonly quick: boolean;
  /** Tenants that are there before, in the part that has some; undefined for the benchmark's own number. */
  readonly existing: number | undefined;
  /** A Redis to use; undefined for a private one, where there is a `redis-server`. */
  readonly redisUrl: string | undefined;
  /** Another PostgreSQL to measure on too, as its superuser; undefined for the embedded one alone. */
  readonly databaseUrl: string | undefined;
  /** Told what is going on, for whoever waits. */
  readonly tell: (message: string) => void;
  /** Whatever has to be stopped, however the run ends. */
  readonly resources: AsyncDisposableStack;
}

/** What is written to `results/<name>.json`. */
export interface BenchmarkResult {
  readonly servers: Readonly<Record<string, string>>;
  /** Raw figures, what they come to, and how they compare: as the benchmark sees fit. */
  readonly figures: object;
  /** For people. */
  readonly report: string;
}

export interface Benchmark {
  readonly name: string;
  run(options: BenchmarkOptions): Promise<BenchmarkResult>;
}

/** The file's content: the figures, and what they were measured on. */
export interface ResultFile {
  readonly benchmark: string;
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly servers: Readonly<Record<string, string>>;
  readonly figures: object;
}
