import { expect, it } from "vitest";
import { EXIT } from "../exit-code.ts";
import { runExitCode } from "./conclude-run.ts";

const none = { total: 3, queued: 0, running: 0, succeeded: 0, failed: 0, canceled: 0 };

it.each([
  ["all done", { succeeded: 3 }, EXIT.done],
  ["nothing to do", { total: 0 }, EXIT.done],
  ["some failed", { succeeded: 2, failed: 1 }, EXIT.partlyDone],
  ["some canceled", { succeeded: 2, canceled: 1 }, EXIT.partlyDone],
  ["all failed", { failed: 3 }, EXIT.failed],
] as const)("a run of which %s exits as the contract says", (_, counts, code) => {
  expect(runExitCode({ state: "succeeded", children: { ...none, ...counts } })).toBe(code);
});

it("a run that isn't finished is partly done", () => {
  expect(runExitCode({ state: "running", children: { ...none, queued: 3 } })).toBe(EXIT.partlyDone);
});
