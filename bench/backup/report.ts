import { table } from "../measuring/table.ts";
import type { AmongOthers, Measured } from "./among-others.ts";
import type { LargeTenant } from "./large-tenant.ts";
import type { MemoryOfSize } from "./memory-by-size.ts";
import type { Plan } from "./plan.ts";
import { ratio, type Target } from "./targets.ts";

export interface BackupFigures {
  readonly plan: Plan;
  readonly targets: readonly Target[];
  readonly among: readonly AmongOthers[];
  readonly large: LargeTenant;
  readonly memory: readonly MemoryOfSize[];
}

export function reportOf({ plan, targets, among, large, memory }: BackupFigures): string {
  const cell = ({ seconds, peakMb }: Measured): string =>
    `${(seconds * 1000).toFixed(0)} ms, ${peakMb?.toFixed(0) ?? "?"} MB`;
  return [
    table(
      [
        `${plan.rows} rows, others`,
        "backup",
        "on a new connection",
        "pg_dump -Fc",
        "restore, verified",
        "pg_restore",
      ],
      among.map((each) => [
        String(each.others),
        cell(each.backup),
        cell(each.firstBackup),
        cell(each.pgDump),
        cell(each.restore),
        cell(each.pgRestore),
      ]),
    ),
    table(
      [`backup of ${large.rows} rows`, "s", "MB in the file", "MB of memory", "Tenantry's speed, of it"],
      Object.entries(large.backups).map(([name, { seconds, bytes, peakMb }]) => [
        name,
        seconds.toFixed(2),
        (bytes / 1e6).toFixed(1),
        peakMb?.toFixed(0) ?? "?",
        ratio(large.backups, name).toFixed(2),
      ]),
    ),
    table(
      [`restore of ${large.rows} rows`, "s", "MB of memory", "Tenantry's speed, of it"],
      Object.entries(large.restores).map(([name, { seconds, peakMb }]) => [
        name,
        seconds.toFixed(2),
        peakMb?.toFixed(0) ?? "?",
        ratio(large.restores, name).toFixed(2),
      ]),
    ),
    table(
      ["memory by size", "MB of a backup", "MB of a restore"],
      memory.map(({ rows, backupMb, restoreMb }) => [
        `${rows} rows`,
        backupMb.toFixed(0),
        restoreMb.toFixed(0),
      ]),
    ),
    table(
      ["target", "asked", "measured", "met"],
      targets.map(({ what, asked, measured, met }) => [
        what,
        asked,
        measured.toFixed(2),
        met ? "yes" : "NOT MET",
      ]),
    ),
  ].join("\n\n");
}
