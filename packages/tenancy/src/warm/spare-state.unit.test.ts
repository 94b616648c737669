import { expect, it } from "vitest";
import { nextSpareState, spareStatesBefore } from "./spare-state.ts";

it("a spare that retires comes back by no event", () => {
  for (const event of ["made", "assigned", "given-up"] as const) {
    expect(nextSpareState("retiring", event)).toBeUndefined();
  }
});

it("only a spare that is ready is given to a tenant", () => {
  expect(spareStatesBefore("assigned")).toEqual(["ready"]);
});
