import { setTimeout as wait } from "node:timers/promises";
import { type CompiledBlueprint, UpgradeLane } from "@tenantry/schema";
import type { Claim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import { atPace } from "../pace/at-pace.ts";
import { type PendingItem, pendingItems, placementsOf, type Wanted } from "./fleet-items.ts";
import { countItems, type FleetRun } from "./load-run.ts";
import { ResultWriter } from "./result-writer.ts";
import { notReached, upgradeItem } from "./upgrade-item.ts";

/** Why a wave ended. */
export type WaveEnd = "done" | "over-budget" | "pause" | "cancel" | "lost";

export interface Wave {
  readonly run: FleetRun;
  readonly compiled: CompiledBlueprint;
  readonly claim: Claim;
  readonly number: number;
  /** More failures than this in all, before this wave and in it, end it. */
  readonly allowed: number;
  /** Failures so far that count. */
  readonly failures: number;
  /** Told of each tenant that has ended. */
  readonly onEnded: (failed: boolean) => void;
}

/** Connections to one server that upgrade at once: more only lengthen the tail. */
const LANES = 4;
/** Turns that a tenant gets which is in use; the last says no. */
const ROUNDS = 4;
/** Turns by what keeps the tenant. One that isn't there is looked for once more, where the registry then says. */
const TURNS = { busy: ROUNDS, missing: 2 } as const;
/** At most, after the first; twice as long after each one more. */
const ROUND_PAUSE_MS = 400;

/** Upgrades a wave's tenants, those that are in use last. Returns with nothing under way and every result written. */
export async function runWave(ctx: TenancyContext, wave: Wave): Promise<WaveEnd> {
  const gate = new Gate(wave);
  const writer = new ResultWriter(ctx, wave.claim, (wanted) => gate.look(wanted));
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const placements = await placementsOf(ctx, wave.run.id, wave.number);
      const ends = await Promise.allSettled(
        placements.map((placement) => runPlacement(ctx, wave, gate, writer, placement, round)),
      );
      // What has ended well is written before anything is said of what hasn't.
      await writer.drain();
      for (const end of ends) if (end.status === "rejected") throw end.reason;
      if (gate.end !== null) return gate.end;
      if ((await countItems(ctx, wave.run.id, wave.number)).pending === 0) return "done";
      await pause(Math.random() * ROUND_PAUSE_MS * 2 ** (round - 1), gate.signal);
      if (gate.end !== null) return gate.end;
    }
    await giveUp(ctx, wave, writer);
    return gate.end ?? "done";
  } finally {
    await writer.close();
  }
}

/** Tenants that were never where they were looked for: somebody moves them about. */
async function giveUp(ctx: TenancyContext, wave: Wave, writer: ResultWriter): Promise<void> {
  const left = await ctx.control
    .selectFrom("fleet_items")
    .select("tenant_id")
    .where("run_id", "=", wave.run.id)
    .where("state", "=", "pending")
    .where("wave", "=", wave.number)
    .execute();
  for (const { tenant_id } of left) {
    writer.add(notReached(tenant_id));
    wave.onEnded(true);
  }
  await writer.drain();
}

async function runPlacement(
  ctx: TenancyContext,
  wave: Wave,
  gate: Gate,
  writer: ResultWriter,
  name: string,
  round: number,
): Promise<void> {
  const server = await ctx.placements.of(name);
  const { provisioning } = server;
  const { pace } = wave.run.input;
  const items = pendingItems(ctx, { runId: wave.run.id, wave: wave.number, placement: name });
  let failure: { readonly error: unknown } | null = null;
  const work = async (lane: UpgradeLane): Promise<void> => {
    for (;;) {
      if (gate.end !== null || failure !== null || writer.isBroken) return;
      const next = await items.next();
      if (next.done === true) return;
      const item: PendingItem = next.value;
      const turn = await atPace(ctx, server, pace, async () =>
        // It may have closed while this one waited for its turn.
        gate.end === null ? upgradeItem(ctx, wave.run, wave.compiled, lane, item) : undefined,
      ).catch((error: unknown) => {
        failure ??= { error };
      });
      // Who waits for the others' turns must hold no connection that they need.
      if (pace === "yield") lane.close();
      if (turn === undefined || (turn.kind === "left" && round < TURNS[turn.why])) continue;
      writer.add(turn.result);
      const failed = turn.result.state === "failed";
      if (failed) gate.fail();
      wave.onEnded(failed);
    }
  };
  const lanes = Math.max(1, Math.min(LANES, provisioning.options.max));
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      const lane = new UpgradeLane(provisioning);
      await work(lane).finally(() => lane.close());
    }),
  );
  const ended = failure as { readonly error: unknown } | null;
  if (ended !== null) throw ended.error;
}

/** Whether anybody may begin with another tenant. */
class Gate {
  readonly #allowed: number;
  readonly #closing = new AbortController();
  #failures: number;
  end: WaveEnd | null = null;

  constructor({ allowed, failures }: Wave) {
    this.#allowed = allowed;
    this.#failures = failures;
  }

  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  fail(): void {
    this.#failures += 1;
    if (this.#failures > this.#allowed) this.#close("over-budget");
  }

  look({ held, cancel, pause }: Wanted): void {
    if (!held) this.#close("lost");
    else if (cancel) this.#close("cancel");
    else if (pause) this.#close("pause");
  }

  #close(end: WaveEnd): void {
    // Losing the claim outweighs all else: nothing may be written any more.
    if (this.end === null || end === "lost") this.end = end;
    this.#closing.abort();
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await wait(milliseconds, undefined, { signal }).catch(() => undefined);
}
