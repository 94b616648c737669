import { compileBlueprint, locksToMake, type ServerMeasures } from "@tenantry/schema";
import { booking } from "@tenantry/schema/blueprints/booking";
import { erp } from "@tenantry/schema/blueprints/erp";
import { describe, expect, it } from "vitest";
import { judgeServer } from "./judge-server.ts";

const blueprints = [await compileBlueprint(booking), await compileBlueprint(erp)];
const needed = Math.max(...blueprints.map(locksToMake));
const FINE: ServerMeasures = {
  connections: { most: 100, reserved: 3, used: 20 },
  locks: { perTransaction: 256, room: 25_600 },
  sharedBuffers: 512 * 2 ** 20,
  relations: 12_345,
  catalogs: [{ name: "pg_attribute", bytes: 60_000_000, live: 100_000, dead: 5_000 }],
};

function problems(server: Partial<ServerMeasures>) {
  return judgeServer("default", { ...FINE, ...server }, blueprints).filter(
    ({ severity }) => severity === "problem",
  );
}

describe("the doctor, asked for a server's capacity", () => {
  it("finds nothing wrong with one that has room, and says how much", () => {
    expect(problems({})).toEqual([]);
    const text = judgeServer("default", FINE, blueprints).map(({ detail }) => detail);
    expect(text.join("\n")).toContain("20 of 97 connections");
    expect(text.join("\n")).toContain(`${Math.floor(25_600 / needed)} tenants of blueprint erp`);
    expect(text.join("\n")).toContain("12,345 relations and 60.0 MB");
  });

  it.each<[string, Partial<ServerMeasures>, string, string]>([
    [
      "connections are nearly all taken",
      { connections: { most: 100, reserved: 3, used: 90 } },
      "connections",
      "max_connections",
    ],
    [
      "the largest tenants can't be made side by side",
      { locks: { perTransaction: 64, room: needed * 2 } },
      "locks",
      "max_locks_per_transaction = 128,",
    ],
    [
      "there are no locks for a single one",
      { locks: { perTransaction: 64, room: needed / 2 } },
      "locks",
      "max_locks_per_transaction = 512,",
    ],
    [
      "the catalog doesn't fit into memory",
      { sharedBuffers: 32 * 2 ** 20 },
      "catalog",
      "shared_buffers = '115MB'",
    ],
    [
      "the catalog is full of what was dropped",
      { catalogs: [{ name: "pg_depend", bytes: 60_000_000, live: 100_000, dead: 90_000 }] },
      "catalog",
      "VACUUM (ANALYZE) pg_catalog.pg_depend",
    ],
  ])("names what is short where %s", (_, server, check, remedy) => {
    expect(problems(server)).toEqual([
      expect.objectContaining({ check, remedy: expect.stringContaining(remedy) }),
    ]);
  });
});
