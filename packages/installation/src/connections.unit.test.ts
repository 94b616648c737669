import { describe, expect, it } from "vitest";
import { connectionsAtMost } from "./connections.ts";

describe("the connections of one process", () => {
  const worker = { tenantsAtOnce: 4, pooled: false, queueInPostgres: false };

  it("grow with what is worked on at once, and with nothing else", () => {
    expect(connectionsAtMost(worker)).toEqual({ main: 42, placement: 30 });
    expect(connectionsAtMost({ ...worker, tenantsAtOnce: 8 })).toEqual({ main: 50, placement: 38 });
    expect(connectionsAtMost({ ...worker, tenantsAtOnce: 0 })).toEqual({ main: 33, placement: 21 });
  });

  it("are those that listen alone where a pooler carries the others", () => {
    expect(connectionsAtMost({ ...worker, pooled: true }).main).toBe(2);
  });

  it("are more where PostgreSQL keeps the queue, as many with four tenants at once as with forty", () => {
    const queue = (tenantsAtOnce: number): number =>
      connectionsAtMost({ tenantsAtOnce, pooled: true, queueInPostgres: true }).main - 2;
    expect(queue(0)).toBe(4);
    expect(queue(4)).toBeGreaterThan(20);
    expect(queue(40)).toBe(queue(4));
  });
});
