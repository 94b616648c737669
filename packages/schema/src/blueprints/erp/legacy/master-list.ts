import type { LegacyValue } from "../../../legacy/import-plan.ts";
import type { KeptRows, LegacyAdmin, LegacyFinding, LegacyFolder } from "../../../legacy/legacy-system.ts";
import { LicenseFields } from "../../../legacy/license-fields.ts";
import { SourceError } from "../../../legacy/source-description.ts";
import type { Entry, EntryList } from "./entries.ts";

export const MASTER = "licenses_master.db";
/** Today's name of the table, and the one before 31 January 2026. Both may be there: then the older still has rows. */
export const LICENSE_TABLES = ["license", "licenses"] as const;
/** The application's times are naive UTC, whatever the run says of others. */
const ZONE = "UTC";
const SECRET = "admin_password_hash";

export type Row = Readonly<Record<string, LegacyValue>>;

/**
 * @throws SourceError when the file can't be read, or holds no licenses' table: nothing can be said of any license then.
 */
export async function masterList(folder: LegacyFolder): Promise<EntryList> {
  const tables: (readonly Row[] | null)[] = [];
  // One after the other: at once, each would take a reader process of its own.
  for (const table of LICENSE_TABLES) tables.push(await folder.rows(MASTER, table));
  if (tables.every((rows) => rows === null)) {
    throw new SourceError("SOURCE_INVALID", MASTER, `${MASTER} has no table of licenses.`);
  }
  const checks = (await folder.rows(MASTER, "license_checks")) ?? [];
  const checksOf = Map.groupBy(checks, (check) => idText(check.license_id));
  const entries: Entry[] = [];
  const findings: LegacyFinding[] = [];
  const seen = new Set<string>();
  const seenIds = new Set<string>();
  for (const [index, table] of LICENSE_TABLES.entries()) {
    const before = new Set(seen);
    for (const row of tables[index] ?? []) {
      const entry = rowEntry(MASTER, table, row);
      if (entry === null) findings.push(keyless(MASTER, table, row));
      if (entry === null || before.has(entry.key)) continue;
      if (seen.has(entry.key)) {
        findings.push(twice(entry));
        continue;
      }
      seen.add(entry.key);
      const id = idText(row.id);
      // Both tables count their ids from 1: the checks of one that comes twice are those of the newer table's license.
      const its = seenIds.has(id) ? [] : (checksOf.get(id) ?? []);
      seenIds.add(id);
      entries.push({ ...entry, masterId: id, kept: [...entry.kept, ...keptChecks(its)] });
    }
  }
  return { entries, findings };
}

export function keyless(file: string, table: string, row: Row): LegacyFinding {
  return { file, code: "entry-refused", detail: `${file}, ${table} ${idText(row.id)}: it has no key.` };
}

function twice(entry: Entry): LegacyFinding {
  return {
    file: entry.file,
    code: "duplicate-license",
    detail: `${entry.source}: its key came before; it is left out.`,
  };
}

/** A row of the application's table of licenses, wherever that stands; null when it has no key. */
export function rowEntry(file: string, table: string, row: Row): Entry | null {
  const fields = new LicenseFields(row);
  const key = fields.text("license_key");
  if (key === null) return null;
  const createdAt = fields.moment("created_at", ZONE);
  const expiresAt = fields.moment("expires_at", ZONE);
  const isSuspended = fields.flag("is_suspended");
  const reason = fields.text("suspension_reason");
  const facts = {
    clientName: fields.text("client_name") ?? key,
    email: fields.text("client_email"),
    phone: fields.text("client_phone"),
    company: fields.text("client_company"),
    licenseType: fields.licenseType("license_type", createdAt, expiresAt),
    maxUsers: fields.limit("max_users"),
    maxBranches: fields.limit("max_branches"),
    isActive: fields.flag("is_active"),
    isSuspended,
    // Of a license that isn't suspended it is a former one, which its kept row still tells.
    suspensionReason: isSuspended ? reason : null,
    notes: fields.text("notes"),
    createdAt,
    activatedAt: fields.moment("activated_at", ZONE),
    expiresAt,
  };
  return {
    key,
    source: `${file}, ${table} ${idText(row.id)}`,
    file,
    masterId: null,
    facts,
    admin: rowAdmin(fields),
    kept: [keptRow(row)],
    replaced: fields.replaced,
    faults: fields.faults,
  };
}

/** As the application makes one: without a name or a hash it makes none. */
function rowAdmin(fields: LicenseFields): LegacyAdmin | null {
  const username = fields.text("admin_username");
  const hash = fields.text(SECRET);
  return username === null || hash === null ? null : { username, password: { hash } };
}

/** By names of their own: `license_checks` may also be in the license's own file. */
export const KEPT_TABLES = { row: "master_license", checks: "master_license_checks", json: "json_license" };

function keptRow(row: Row): KeptRows {
  const columns = Object.keys(row).filter((column) => column.toLowerCase() !== SECRET);
  const shown = Object.fromEntries(columns.map((column) => [column, row[column] ?? null]));
  return { table: KEPT_TABLES.row, columns, rows: [shown] };
}

function keptChecks(rows: readonly Row[]): KeptRows[] {
  const [first] = rows;
  return first === undefined ? [] : [{ table: KEPT_TABLES.checks, columns: Object.keys(first), rows }];
}

/** An id as text; "" for none. */
export function idText(value: LegacyValue | undefined): string {
  if (typeof value === "number" || typeof value === "string") return String(value);
  return typeof value === "object" && value !== null && "integer" in value ? value.integer : "";
}
