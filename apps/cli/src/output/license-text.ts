import { type License, type Operation, printable, type Tenant } from "@tenantry/tenancy";

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
    ["Parent", operation.parentId],
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

/** `1 user`, `3 users`. */
export function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
