import { fork } from "node:child_process";
import { once } from "node:events";

export interface Order {
  readonly kind: "backup" | "restore";
  readonly databaseUrl: string;
  /** The one to be backed up, or the one to be made. */
  readonly schema: string;
  readonly file: string;
  /** Encrypted and signed. */
  readonly encrypted: boolean;
  /** On a connection that has carried out orders before, as most of a worker's have; else on a new one. */
  readonly again?: boolean;
}

export interface Answer {
  /** From connecting, where that is done, to the end: the file on disk for good, or the commit. */
  readonly seconds: number;
  readonly rows: number;
  /** Of the file. */
  readonly bytes: number;
  /** The most that the process has held since it began, resident. */
  readonly peakMb: number;
}

export interface TenantryProcess {
  carryOut(order: Order): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts what backs up and restores, in a process of its own. */
export async function startTenantryProcess(): Promise<TenantryProcess> {
  const child = fork(new URL("./tenantry-main.ts", import.meta.url), {
    env: { PATH: process.env.PATH },
    // As docker-compose.yml starts the worker.
    execArgv: ["--max-semi-space-size=2"],
  });
  const exited = once(child, "exit").then((): never => {
    throw new Error("the process that backs up has ended");
  });
  exited.catch(() => undefined);
  const next = async (): Promise<unknown> => {
    const [message] = await Promise.race([once(child, "message"), exited]);
    return message;
  };
  await next();
  return {
    carryOut: async (order) => {
      const answer = next();
      child.send(order);
      return (await answer) as Answer;
    },
    stop: async () => {
      child.kill("SIGKILL");
      await exited.catch(() => undefined);
    },
  };
}
