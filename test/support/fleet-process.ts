import { fork } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";

export interface FleetProcess {
  /** Shown by its PostgreSQL connections. */
  readonly role: string;
  /** How the run ended; null when the process did before. */
  readonly end: Promise<string | null>;
  /** Ends it without a chance to say goodbye. */
  kill(): Promise<void>;
}

let started = 0;

/** Performs a fleet migration in a process of its own, again and again until it has ended. Resolves when it begins. */
export async function startFleetProcess(databaseUrl: string, runId: string): Promise<FleetProcess> {
  started += 1;
  const role = `fleet${started}`;
  const child = fork(new URL("./fleet-main.ts", import.meta.url), {
    env: { PATH: process.env.PATH, TEST_DATABASE_URL: databaseUrl, TEST_ROLE: role, TEST_RUN: runId },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  onTestFinished(kill);
  let end: string | null = null;
  await Promise.race([
    once(child, "message"),
    exited.then(() => Promise.reject(new Error("the worker did not start"))),
  ]);
  child.on("message", (message: string) => {
    end = message;
  });
  return { role, kill, end: exited.then(() => end) };
}
