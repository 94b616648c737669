import { setTimeout as wait } from "node:timers/promises";
import { countNeighbours } from "@tenantry/schema";
import { sql } from "kysely";
import type { Placement, TenancyContext } from "../context.ts";
import { nextPause } from "./next-pause.ts";
import type { Pace } from "./pace.ts";

/** How long an answer to "is anybody there?" is good for. Milliseconds. */
const NEIGHBOURS_KNOWN_MS = 500;
/** Between two looks at how the neighbours fare while a unit is at work. Milliseconds. */
const LOOK_EVERY_MS = 20;

/** Between two looks whether a single license waits for a worker. Milliseconds. */
const SALES_EVERY_MS = 200;

/** One server's bulk work in this process. */
interface Lane {
  /** Ends with the unit that was begun last. */
  last: Promise<unknown>;
  /** Milliseconds. */
  pause: number;
  neighbours: { readonly at: number; readonly there: Promise<boolean> };
}

const lanes = new WeakMap<Placement, Lane>();

/**
 * Does one unit of bulk work, such as the making or upgrading of one tenant. While others are connected to its server,
 * units of this process go one after the other, with rests between them that grow as long as the neighbours' queries feel
 * the work (`nextPause`), and end when a single license waits for the worker that rests. Without neighbours, or at pace
 * `full`, it is done at once.
 */
export async function atPace<T>(
  ctx: TenancyContext,
  placement: Placement,
  pace: Pace,
  unit: () => Promise<T>,
): Promise<T> {
  if (pace === "full") return unit();
  const lane = lanes.get(placement) ?? emptyLane();
  lanes.set(placement, lane);
  if (!(await hasNeighbours(placement, lane))) return unit();
  const turn = lane.last.then(
    () => measured(ctx, placement, lane, unit),
    () => measured(ctx, placement, lane, unit),
  );
  lane.last = turn;
  return turn;
}

function emptyLane(): Lane {
  return {
    last: Promise.resolve(),
    pause: 0,
    neighbours: { at: Number.NEGATIVE_INFINITY, there: Promise.resolve(false) },
  };
}

async function hasNeighbours(placement: Placement, lane: Lane): Promise<boolean> {
  const now = performance.now();
  if (now - lane.neighbours.at > NEIGHBOURS_KNOWN_MS) {
    // Who can't be asked is no reason to wait: the work itself will meet the trouble and name it.
    const there = countNeighbours(placement.provisioning).then(
      (count) => count > 0,
      () => false,
    );
    lane.neighbours = { at: now, there };
  }
  return lane.neighbours.there;
}

async function measured<T>(
  ctx: TenancyContext,
  placement: Placement,
  lane: Lane,
  unit: () => Promise<T>,
): Promise<T> {
  await rest(ctx, lane.pause);
  const quiet = await lookThrice(placement);
  const ended = new AbortController();
  const looks = lookWhile(placement, ended.signal);
  const begun = performance.now();
  try {
    return await unit();
  } finally {
    const work = performance.now() - begun;
    ended.abort();
    // Once more: what a commit makes every session look up again is felt after it.
    const [during, after] = [await looks, await look(placement)];
    if (quiet !== null && during !== null && after !== null) {
      lane.pause = nextPause(lane.pause, { work, quiet, disturbed: Math.max(during, after) });
    }
  }
}

async function rest(ctx: TenancyContext, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds;
  for (let left = milliseconds; left > 0; left = end - performance.now()) {
    await wait(Math.min(left, SALES_EVERY_MS));
    if (left > SALES_EVERY_MS && (await saleWaits(ctx))) return;
  }
}

async function saleWaits({ control }: TenancyContext): Promise<boolean> {
  const row = await control
    .selectFrom("operations")
    .select("id")
    .where("state", "=", "queued")
    .where("kind", "=", "create-tenant")
    .where("parent_id", "is", null)
    .where("available_at", "<=", sql<Date>`now()`)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** The longest of three looks, in milliseconds; null when none succeeded. */
async function lookThrice(placement: Placement): Promise<number | null> {
  let longest: number | null = null;
  for (let turn = 1; turn <= 3; turn++) {
    const took = await look(placement);
    if (took !== null) longest = Math.max(longest ?? 0, took);
  }
  return longest;
}

/** The longest of the looks until the signal, in milliseconds; null when none succeeded. */
async function lookWhile(placement: Placement, signal: AbortSignal): Promise<number | null> {
  let longest: number | null = null;
  while (!signal.aborted) {
    const took = await look(placement);
    if (took !== null) longest = Math.max(longest ?? 0, took);
    await wait(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return longest;
}

/** How long a small query takes that needs what a session keeps of the catalog, as everybody's do. Milliseconds. */
async function look({ provisioning }: Placement): Promise<number | null> {
  const begun = performance.now();
  try {
    await provisioning.query("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog'");
    return performance.now() - begun;
  } catch {
    // As above: a server in trouble is the unit's affair.
    return null;
  }
}
