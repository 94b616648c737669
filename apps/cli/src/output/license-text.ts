import {
  type DeleteTenantResult,
  type License,
  type Operation,
  type OperationChildren,
  printable,
  type Tenant,
} from "@tenantry/tenancy";

/** A license and its tenant as names and values. Absent facts are left out. */
export function licensePairs(license: License, tenant: Tenant | null): [string, string][] {
  const pairs: [string, string | null | undefined][] = [
    ["License", license.key],
    ["Status", license.status],
    ["Reason", license.suspensionReason],
    ["Client", license.clientName],
    ["Company", license.company],
    ["E-mail", license.email],
    ["Phone", license.phone],
    ["Type", license.licenseType],
    [
      "Limits",
      `${count(license.maxUsers, "user", "users")}, ${count(license.maxBranches, "branch", "branches")}`,
    ],
    ["Created", license.createdAt],
    ["Activated", license.activatedAt],
    ["Expires", license.expiresAt ?? "never"],
    ["Notes", license.notes],
    [
      "Blueprint",
      tenant?.version == null ? license.blueprint : `${license.blueprint}, version ${tenant.version}`,
    ],
    ["Schema", tenant?.schema],
    ["Tenant", tenant?.state],
  ];
  return pairs.flatMap(([name, value]) => (value == null ? [] : [[name, printable(value)]]));
}

/** An operation as names and values. */
export function operationPairs(operation: Operation): [string, string][] {
  const { progress, error } = operation;
  const pairs: [string, string | null | undefined][] = [
    ["Operation", operation.id],
    ["Kind", operation.kind],
    ["State", operation.state],
    ["Progress", `${progress.percent}% ${progress.step}: ${progress.message}`],
    ["Attempts", String(operation.attempts)],
    ["License", operation.licenseKey],
    ["Run", operation.parentId],
    ["Item", operation.item?.toString()],
    ["Children", operation.children && childrenText(operation.children)],
    ["Created", operation.createdAt],
    ["Started", operation.startedAt],
    ["Finished", operation.finishedAt],
    ["Error", error && `${error.code}: ${error.detail}`],
    [
      "Hint",
      error?.code === "INTERNAL" ? `${error.hint} LOG_LEVEL=error shows this command's.` : error?.hint,
    ],
  ];
  return pairs.flatMap(([name, value]) => (value == null ? [] : [[name, printable(value)]]));
}

/** `3 of 10 done: 2 succeeded, 1 failed; 4 running, 3 waiting`. */
function childrenText({ total, queued, running, succeeded, failed, canceled }: OperationChildren): string {
  const list = (counts: readonly (readonly [number, string])[]): string =>
    counts
      .filter(([number]) => number > 0)
      .map(([number, what]) => `${number} ${what}`)
      .join(", ");
  const ended = list([
    [succeeded, "succeeded"],
    [failed, "failed"],
    [canceled, "canceled"],
  ]);
  const open = list([
    [running, "running"],
    [queued, "waiting"],
  ]);
  const done = `${succeeded + failed + canceled} of ${total} done${ended === "" ? "" : `: ${ended}`}`;
  return open === "" ? done : `${done}; ${open}`;
}

/** The last backup that a finished deletion made, as names and values. */
export function backupPairs({ kind, result }: Operation): [string, string][] {
  if (kind !== "delete-tenant" || result === undefined) return [];
  const { backup, plainBackup } = result as DeleteTenantResult;
  const made = backup ?? plainBackup;
  if (made === undefined) return [["Backup", "none: there was no schema"]];
  const where: [string, string][] =
    "file" in made
      ? [
          ["Backup", printable(made.file)],
          ["On", printable(made.host)],
        ]
      : [["Backup", made.backupId]];
  return [
    ...where,
    ["Holds", `${count(made.rows, "row", "rows")} in ${count(made.bytes, "byte", "bytes")}`],
    ["SHA-256", made.sha256],
  ];
}

/** `1 user`, `3 users`. */
export function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
