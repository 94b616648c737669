import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { ChildMessage, ChildTask } from "./store-child.ts";

const MAIN = fileURLToPath(new URL("./store-child.ts", import.meta.url));

export interface StoreProcess {
  /** What it says next; null when it has ended. */
  next(): Promise<ChildMessage | null>;
  kill(): Promise<void>;
}

/** Starts a process that uses a store; ended at the latest with the test. `fileBytes` is the most that a file of its may have. */
export function startStoreProcess(task: ChildTask, { fileBytes }: { fileBytes?: number } = {}): StoreProcess {
  // A shell's blocks have 512 bytes.
  const limit = fileBytes === undefined ? "" : `ulimit -f ${Math.floor(fileBytes / 512)}; `;
  const child = spawn(
    "sh",
    ["-c", `${limit}exec "$@"`, "sh", process.execPath, "--expose-gc", MAIN, JSON.stringify(task)],
    {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    },
  );
  const exited = once(child, "exit").then(() => null);
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  onTestFinished(kill);
  const said: ChildMessage[] = [];
  const waiting: ((message: ChildMessage) => void)[] = [];
  child.on("message", (message: ChildMessage) => {
    const first = waiting.shift();
    if (first === undefined) said.push(message);
    else first(message);
  });
  return {
    next: () => {
      const earlier = said.shift();
      if (earlier !== undefined) return Promise.resolve(earlier);
      return Promise.race([new Promise<ChildMessage>((resolve) => waiting.push(resolve)), exited]);
    },
    kill,
  };
}
