import { sql } from "kysely";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../test/support/database.ts";
import { acceptLicense } from "../../../test/support/requests.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { type Claim, claimOperation, claimStanding, recordProgress, renewClaim } from "./claim.ts";
import type { Caller } from "./idempotency.ts";
import { retryOperation } from "./operation-control.ts";

const LEASE_MS = 5_000;
const OPS: Caller = { actor: "cli:ops", apiKeyId: null, idempotency: null };

const database = await createTestDatabase();
const { ctx, ...installation } = await openTestInstallation({ databaseUrl: database.url });

async function accepted(): Promise<string> {
  return (await acceptLicense({ ctx, ...installation })).operation.id;
}

async function claim(operationId: string, worker: string): Promise<Claim> {
  const outcome = await claimOperation(ctx, { operationId, worker, leaseMs: LEASE_MS });
  if (outcome.kind !== "claimed") throw new Error(`not claimed: ${outcome.kind}`);
  return outcome.claim;
}

async function silence(operationId: string): Promise<void> {
  await ctx.control
    .updateTable("operations")
    .set({ heartbeat_at: sql<Date>`now() - interval '1 hour'` })
    .where("id", "=", operationId)
    .execute();
}

describe("a worker's claim", () => {
  it("is given to one of twenty who ask at once", async () => {
    const operationId = await accepted();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        claimOperation(ctx, { operationId, worker: `w${index}`, leaseMs: LEASE_MS }),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.kind === "claimed")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome.kind === "not-yet")).toHaveLength(19);
  });

  it("is lost to another worker after silence, and then writes nothing", async () => {
    const operationId = await accepted();
    const first = await claim(operationId, "first");
    await silence(operationId);
    const second = await claim(operationId, "second");
    expect(await claimStanding(ctx, first)).toBe("lost");
    expect(await renewClaim(ctx, first)).toBe(false);
    await recordProgress(ctx, first, { percent: 99, step: "late", message: "", done: 0, total: 0 });
    const row = await ctx.control
      .selectFrom("operations")
      .selectAll()
      .where("id", "=", operationId)
      .executeTakeFirst();
    expect(row).toMatchObject({ percent: 0, step: "started", worker: "second" });
    expect(await claimStanding(ctx, second)).toBe("valid");
  });

  it("is taken over from the dead as often as they die, and that brings the operation's end no nearer", async () => {
    const operationId = await accepted();
    for (let death = 0; death < 8; death++) {
      await claim(operationId, `mortal${death}`);
      await silence(operationId);
    }
    const ninth = await claim(operationId, "ninth");
    const row = await ctx.control
      .selectFrom("operations")
      .select(["attempts", "attempts_before"])
      .where("id", "=", operationId)
      .executeTakeFirstOrThrow();
    expect(ninth.attempt).toBe(9);
    expect(row).toEqual({ attempts: 9, attempts_before: 8 });
  });

  it("stays lost when the operation failed, was retried and was claimed again", async () => {
    const operationId = await accepted();
    const sleeper = await claim(operationId, "sleeper");
    await ctx.control
      .updateTable("operations")
      .set({ state: "failed", error: JSON.stringify({ code: "INTERNAL" }), finished_at: new Date() })
      .where("id", "=", operationId)
      .execute();
    await retryOperation(ctx, operationId, OPS);
    const current = await claim(operationId, "current");
    expect(await claimStanding(ctx, sleeper)).toBe("lost");
    expect(await renewClaim(ctx, sleeper)).toBe(false);
    expect(await claimStanding(ctx, current)).toBe("valid");
  });
});
