import { describe, expect, it } from "vitest";
import { lastDue, spreadOver } from "./schedule.ts";

const at = (text: string) => new Date(text);

describe("a schedule", () => {
  it.each([
    ["30 2 * * *", "2026-11-23T02:30:00.000Z", "2026-11-23T02:30:00.000Z"],
    ["30 2 * * *", "2026-11-23T02:29:59.999Z", "2026-11-22T02:30:00.000Z"],
    ["30 2 * * *", "2026-11-23T02:30:00.001Z", "2026-11-23T02:30:00.000Z"],
    ["0 0 1 * *", "2026-11-23T02:30:00.500Z", "2026-11-01T00:00:00.000Z"],
    ["*/15 * * * *", "2026-11-23T02:59:10.000Z", "2026-11-23T02:45:00.000Z"],
    // No summer time: this hour doesn't exist in half of Europe.
    ["30 2 * * *", "2026-03-29T03:00:00.000Z", "2026-03-29T02:30:00.000Z"],
  ])("%s was last due before %s at %s", (pattern, now, due) => {
    expect(lastDue(pattern, at(now))?.dueAt.toISOString()).toBe(due);
  });

  it("knows how long it is until it comes due again", () => {
    expect(lastDue("30 2 * * *", at("2026-11-23T12:00:00Z"))?.periodMs).toBe(86_400_000);
    expect(lastDue("0 3 * * 1-5", at("2026-11-20T12:00:00Z"))?.periodMs).toBe(3 * 86_400_000);
  });

  it("spreads backups over a quarter of its period, hours at most, and few ones less", () => {
    expect(spreadOver(86_400_000)(10_000)).toBe(4 * 3_600_000);
    expect(spreadOver(3_600_000)(10_000)).toBe(900_000);
    expect(spreadOver(86_400_000)(20)).toBe(600_000);
  });
});
