import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it, onTestFinished } from "vitest";
import { commandLine, isAlive, parseProcStat, processStart } from "./processes.ts";

it("reads the start time behind a program name with blanks and parentheses", () => {
  const rest = Array.from({ length: 18 }, (_, index) => index).join(" ");
  expect(parseProcStat(`12 (a) b (c) S ${rest} 987654 0 0`)).toEqual({ state: "S", start: "987654" });
});

it("knows a living process from one that has ended", async () => {
  const child = spawn("sleep", ["60"]);
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  expect(await isAlive(pid)).toBe(true);
  expect(await commandLine(pid)).toContain("sleep 60");
  expect(await processStart(pid)).toBe(await processStart(pid));
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
  expect(await isAlive(pid)).toBe(false);
  expect(await commandLine(pid)).toBeUndefined();
});
