import { fork } from "node:child_process";
import { once } from "node:events";

export interface BenchWorker {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts a worker in a process of its own. Resolves when it takes jobs. */
export async function startBenchWorker(
  databaseUrl: string,
  folder: string,
  concurrency: number,
): Promise<BenchWorker> {
  const child = fork(new URL("./worker-main.ts", import.meta.url), {
    env: {
      PATH: process.env.PATH,
      BENCH_DATABASE_URL: databaseUrl,
      BENCH_FOLDER: folder,
      BENCH_CONCURRENCY: String(concurrency),
    },
    // As docker-compose.yml starts it.
    execArgv: ["--max-semi-space-size=2"],
  });
  const exited = once(child, "exit");
  await Promise.race([
    once(child, "message"),
    exited.then(() => Promise.reject(new Error("the worker did not start"))),
  ]);
  if (child.pid === undefined) throw new Error("the worker has no pid");
  return {
    pid: child.pid,
    stop: async () => {
      // Its connections end with it: nothing is under way any more.
      child.kill("SIGKILL");
      await exited;
    },
  };
}
