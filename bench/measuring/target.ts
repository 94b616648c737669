import { table } from "./table.ts";

/** What a figure is to be, and what it was. */
export interface Target {
  readonly what: string;
  readonly asked: string;
  readonly measured: number;
  readonly met: boolean;
}

export function atLeast(what: string, limit: number, measured: number): Target {
  return { what, asked: `at least ${limit}`, measured, met: measured >= limit };
}

export function atMost(what: string, limit: number, measured: number): Target {
  return { what, asked: `at most ${limit}`, measured, met: measured <= limit };
}

export function targetTable(targets: readonly Target[], digits = 2): string {
  return table(
    ["target", "asked", "measured", ""],
    targets.map(({ what, asked, measured, met }) => [
      what,
      asked,
      measured.toFixed(digits),
      met ? "met" : "not met",
    ]),
  );
}
