import type { AmongOthers } from "./among-others.ts";
import { type LargeTenant, OURS } from "./large-tenant.ts";
import type { MemoryOfSize } from "./memory-by-size.ts";
import { pgDumpFast, pgDumpZstd, pgRestore, pgRestoreAtOnce } from "./peers.ts";

export interface Target {
  readonly what: string;
  readonly asked: string;
  readonly measured: number;
  readonly met: boolean;
}

/** How often faster than `pg_dump` a backup among the most others has to be. */
const TIMES_PG_DUMP = 50;
/** How much longer it may take among the most others than among the fewest. */
const GROWTH = 1.2;
/**
 * What "the same memory for any size" is taken to mean. A small tenant is done before there is any garbage, so sizes are
 * compared from the second on, and the collector isn't exact.
 */
const MEMORY_GROWTH = 1.25;
/** Resident megabytes, for a tenant of any size. */
const MEMORY_MB = 250;

export function targetsOf(
  large: LargeTenant,
  memory: readonly MemoryOfSize[],
  among: readonly AmongOthers[],
): Target[] {
  const [few, many] = [among[0], among.at(-1)];
  const [small, big] = [memory[1], memory.at(-1)];
  const targets: Target[] = [];
  if (few !== undefined && many !== undefined) {
    targets.push(
      atMost(
        `seconds of a backup among ${many.others} others, of those among ${few.others}`,
        GROWTH,
        many.backup.seconds / few.backup.seconds,
      ),
      atLeast(
        `times as fast as pg_dump among ${many.others} others`,
        TIMES_PG_DUMP,
        many.pgDump.seconds / many.backup.seconds,
      ),
    );
  }
  for (const { name } of [pgDumpFast, pgDumpZstd]) {
    targets.push(atLeast(`large backup, speed of ${name}`, 1, ratio(large.backups, name)));
  }
  for (const { name } of [pgRestore, pgRestoreAtOnce]) {
    targets.push(
      atLeast(`large restore and its verification, speed of ${name}`, 1, ratio(large.restores, name)),
    );
  }
  if (small !== undefined && big !== undefined) {
    const sizes = `of a tenant of ${big.rows} rows, of one of ${small.rows}`;
    targets.push(
      atMost(`memory of a backup ${sizes}`, MEMORY_GROWTH, big.backupMb / small.backupMb),
      atMost(`memory of a restore ${sizes}`, MEMORY_GROWTH, big.restoreMb / small.restoreMb),
      atMost(
        "MB of memory, of any of them",
        MEMORY_MB,
        Math.max(...memory.flatMap(({ backupMb, restoreMb }) => [backupMb, restoreMb])),
      ),
    );
  }
  return targets;
}

/** Our speed over this one's. */
export function ratio(all: Readonly<Record<string, { readonly seconds: number }>>, name: string): number {
  return (all[name]?.seconds ?? Number.NaN) / (all[OURS]?.seconds ?? Number.NaN);
}

function atLeast(what: string, least: number, measured: number): Target {
  return { what, asked: `at least ${least}`, measured, met: measured >= least };
}

function atMost(what: string, most: number, measured: number): Target {
  return { what, asked: `at most ${most}`, measured, met: measured <= most };
}
