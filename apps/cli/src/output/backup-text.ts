import { type Backup, type KeptSchema, printable, sizeText } from "@tenantry/tenancy";
import { count } from "./license-text.ts";
import type { Column } from "./table.ts";

export const BACKUP_COLUMNS: readonly Column<Backup>[] = [
  { title: "BACKUP", cell: ({ id }) => id },
  { title: "OF", cell: backupOf },
  { title: "STATE", cell: ({ state, trouble }) => (trouble === null ? state : `${state}, bad`) },
  { title: "TAKEN", cell: ({ takenAt }) => minute(takenAt) },
  { title: "SIZE", cell: ({ bytes }) => (bytes === null ? "" : sizeText(bytes)), align: "right" },
  { title: "ROWS", cell: ({ rows }) => rows?.toString() ?? "", align: "right" },
  { title: "ENCRYPTED", cell: ({ encrypted }) => (encrypted ? "yes" : "no") },
  { title: "CHECKED", cell: ({ checkedAt }) => minute(checkedAt) },
  { title: "VERIFIED", cell: ({ verifiedAt }) => minute(verifiedAt) },
];

export const KEPT_COLUMNS: readonly Column<KeptSchema>[] = [
  { title: "ID", cell: ({ id }) => id },
  { title: "LICENSE", cell: ({ licenseKey }) => printable(licenseKey) },
  { title: "SCHEMA", cell: ({ schema }) => printable(schema) },
  { title: "KEPT", cell: ({ keptAt }) => minute(keptAt) },
  { title: "GOES", cell: ({ dropAfter }) => minute(dropAfter) },
];

/** A backup as names and values. Absent facts are left out. */
export function backupPairs(backup: Backup): [string, string][] {
  const { rows, tables, bytes } = backup;
  const pairs: [string, string | null][] = [
    ["Backup", backup.id],
    ["Of", backupOf(backup)],
    ["State", backup.state],
    ["Taken", backup.takenAt],
    ["Blueprint", backup.blueprint === null ? null : `${backup.blueprint}, version ${backup.version}`],
    [
      "Holds",
      rows === null || tables === null
        ? null
        : `${count(rows, "row", "rows")} in ${count(tables, "table", "tables")}`,
    ],
    ["Size", bytes === null ? null : count(bytes, "byte", "bytes")],
    ["Encrypted", backup.encrypted ? "yes" : "no"],
    ["SHA-256", backup.sha256],
    ["Checked", backup.checkedAt],
    ["Verified", backup.verifiedAt ?? "never"],
    ["Trouble", backup.trouble === null ? null : `${backup.trouble.code}: ${backup.trouble.detail}`],
  ];
  return pairs.flatMap(([name, value]) => (value === null ? [] : [[name, printable(value)]]));
}

/** Whose it is: a license's key, or the control data; of a deleted tenant marked as the last. */
function backupOf({ kind, licenseKey }: Backup): string {
  if (kind === "control") return "control data";
  return `${printable(licenseKey ?? "")}${kind === "last" ? " (last)" : ""}`;
}

function minute(time: string | null): string {
  return time === null ? "" : time.slice(0, 16).replace("T", " ");
}
