import { expect, it } from "vitest";
import { progressText } from "./progress-bar.ts";

it("shows percent, step, message and count; harmlessly", () => {
  const progress = { percent: 20, step: "tables", message: "53 \u001b[31m", done: 3, total: 9 };
  expect(progressText(progress, true)).toBe("[####................]  20%  tables: 53 \\u{1b}[31m (3 of 9)");
  expect(progressText({ ...progress, message: "", total: 0 }, false)).toBe(" 20%  tables");
});
