import { createLogger } from "@tenantry/installation";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../../test/support/database.ts";
import { LogCapture } from "../../../../test/support/log-capture.ts";
import { performedLicense } from "../../../../test/support/perform.ts";
import { openTestInstallation } from "../../../../test/support/tenantry.ts";
import { tiny } from "../../../../test/support/tiny-blueprint.ts";
import { sealUrl } from "../placement/sealed-url.ts";
import { examineCapacity } from "./examine-capacity.ts";
import { noteServerRoom } from "./server-room.ts";

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;
const ORDER = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

describe("the doctor, asked for capacity", async () => {
  it("tells of a server without tenants what it has room for", async () => {
    const findings = await examineCapacity(ctx);
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(["tenants", "catalog", "connections", "locks"]),
    );
    expect(findings[0]?.detail).toContain("no tenants yet");
  });

  it("tells what a tenant comes to, and that a server is away", async () => {
    for (let made = 0; made < 3; made++) await performedLicense(installation, ORDER);
    const url = sealUrl(ctx, "away", "postgres://nobody@127.0.0.1:1/none");
    await ctx.control
      .insertInto("placements")
      .values({ name: "away", url, draining: true, added_by: "cli:test" })
      .execute();
    const findings = await examineCapacity(ctx);
    const [tenants] = findings.filter(({ check }) => check === "tenants");
    expect(tenants?.detail).toMatch(
      /: 3 of blueprint tiny, each about \d+ relations in \d+ files, [\d.]+ kB; 1,000 more take [\d,]+ files and [\d.]+ MB$/,
    );
    expect(findings).toContainEqual(expect.objectContaining({ check: "placement", severity: "problem" }));
  });

  it("and a worker says at its start when there are too few locks or connections for it", async () => {
    const capture = new LogCapture();
    const log = createLogger({ level: "warn", name: "worker" }, capture);
    const few = { main: 2, placement: 2 };
    await noteServerRoom({ ...ctx, log }, { concurrency: 2, connections: few });
    expect(capture.lines).toEqual([]);
    await noteServerRoom({ ...ctx, log }, { concurrency: 2, connections: { ...few, main: 100_000 } });
    expect(capture.withMessage("the server may run out of connections when this worker is busy")).toEqual([
      expect.objectContaining({ placement: "default", needed: 100_000, inUse: expect.any(Number) }),
    ]);
    await noteServerRoom({ ...ctx, log }, { concurrency: 1_000_000, connections: few });
    expect(capture.withMessage("the server may run out of locks when this worker is busy")).toEqual([
      expect.objectContaining({
        placement: "default",
        remedy: expect.stringContaining("max_locks_per_transaction"),
      }),
    ]);
  });
});
