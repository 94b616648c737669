import type { LegacyValue } from "../../../legacy/import-plan.ts";
import type { KeptRows, LegacyAdmin, LegacyFinding, LegacyFolder } from "../../../legacy/legacy-system.ts";
import { isObject, LicenseFields } from "../../../legacy/license-fields.ts";
import { SourceError } from "../../../legacy/source-description.ts";
import type { Entry, EntryList } from "./entries.ts";
import { KEPT_TABLES } from "./master-list.ts";

export const JSON_LIST = "licenses.json";
const SECRET = "password";
/** A license lasts through the day that its list names. */
const END_OF_DAY = "23:59:59";
const DAY_MS = 86_400_000;

/** The oldest list, in either of its layouts. One that can't be read is a finding: newer lists don't need it. */
export async function jsonList(folder: LegacyFolder, zone: string): Promise<EntryList> {
  const content = await readJson(folder);
  if (content instanceof SourceError) return unreadable(content.message);
  if (!isObject(content)) return unreadable("it is no object of licenses by their keys");
  const entries: Entry[] = [];
  const findings: LegacyFinding[] = [];
  for (const [key, value] of Object.entries(content)) {
    const source = `${JSON_LIST}, ${key}`;
    if (key === "" || !isObject(value)) {
      findings.push({ file: JSON_LIST, code: "entry-refused", detail: `${source}: it is no license.` });
      continue;
    }
    entries.push(jsonEntry(key, source, value, zone));
  }
  return { entries, findings };
}

async function readJson(folder: LegacyFolder): Promise<unknown> {
  try {
    return await folder.json(JSON_LIST);
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
}

function unreadable(why: string): EntryList {
  const finding: LegacyFinding = { file: JSON_LIST, code: "unreadable", detail: `${JSON_LIST}: ${why}.` };
  return { entries: [], findings: [finding] };
}

function jsonEntry(
  key: string,
  source: string,
  value: Readonly<Record<string, unknown>>,
  zone: string,
): Entry {
  const fields = new LicenseFields(value);
  const company = fields.text("company");
  const createdAt = fields.moment("created", zone) ?? fields.moment("created_at", zone);
  const expiresAt = fields.moment("expiry", zone, END_OF_DAY) ?? termEnd(fields, createdAt);
  const status = fields.text("status")?.trim().toLowerCase() ?? "active";
  const known = ["active", "suspended", "expired", "inactive"].includes(status);
  if (!known) fields.replaced.push("its status isn't known: it comes in inactive");
  return {
    key,
    source,
    file: JSON_LIST,
    masterId: null,
    facts: {
      clientName: fields.text("client_name") ?? company ?? fields.text("username") ?? key,
      email: fields.text("contact_email") ?? fields.text("email"),
      phone: fields.text("contact_phone") ?? fields.text("phone"),
      company,
      licenseType: fields.licenseType("license_type", createdAt, expiresAt),
      maxUsers: fields.limit("max_users"),
      maxBranches: fields.limit("max_branches"),
      // Whether it has expired is said by its date alone.
      isActive: known && status !== "inactive",
      isSuspended: status === "suspended",
      suspensionReason: status === "suspended" ? fields.text("suspension_reason") : null,
      notes: fields.text("notes"),
      createdAt,
      activatedAt: fields.moment("activated_at", zone),
      expiresAt,
    },
    admin: jsonAdmin(fields),
    kept: [keptEntry(key, value)],
    replaced: fields.replaced,
    faults: fields.faults,
  };
}

/** Of an entry that names no day on which it ends, but how long it lasts. */
function termEnd(fields: LicenseFields, from: Date | null): Date | null {
  const days = fields.text("duration_days");
  if (days === null || !/^\d{1,6}$/.test(days) || from === null) return null;
  return new Date(from.getTime() + Number(days) * DAY_MS);
}

function jsonAdmin(fields: LicenseFields): LegacyAdmin | null {
  const username = fields.text("username");
  const plain = fields.text(SECRET);
  return username === null || plain === null ? null : { username, password: { plain } };
}

function keptEntry(key: string, value: Readonly<Record<string, unknown>>): KeptRows {
  const members = Object.entries(value).filter(([name]) => !name.toLowerCase().includes(SECRET));
  const row = { license_key: key, ...Object.fromEntries(members.map(([name, each]) => [name, kept(each)])) };
  return { table: KEPT_TABLES.json, columns: Object.keys(row), rows: [row] };
}

function kept(value: unknown): LegacyValue {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  return JSON.stringify(value);
}
