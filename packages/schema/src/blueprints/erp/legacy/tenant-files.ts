import type { LegacyFinding, LegacyFolder } from "../../../legacy/legacy-system.ts";
import { SourceError } from "../../../legacy/source-description.ts";
import { type Entry, foldKey } from "./entries.ts";
import { idText, keyless, LICENSE_TABLES, type Row, rowEntry } from "./master-list.ts";

export const TENANT_FOLDER = "tenant_databases";
export const SINGLE_FILE = "erp_system.db";

/** What the folder of tenants' files says of each license. */
export interface ClaimedFiles {
  /** By license key: the paths of files that are called after it. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  readonly findings: readonly LegacyFinding[];
}

/** The application's name for a license's file, as file systems that don't know case apart compare it. */
function fileName(key: string): string {
  return `tenant_${key.replaceAll("-", "_")}.db`.toLowerCase();
}

export async function claimFiles(folder: LegacyFolder, entries: readonly Entry[]): Promise<ClaimedFiles> {
  const claimants = Map.groupBy(entries, ({ key }) => fileName(key));
  const files = new Map<string, string[]>();
  const findings: LegacyFinding[] = [];
  for (const { name } of await folder.list(TENANT_FOLDER)) {
    if (!name.toLowerCase().endsWith(".db")) continue;
    const file = `${TENANT_FOLDER}/${name}`;
    const owners = claimants.get(name.toLowerCase()) ?? [];
    if (owners.length === 0) {
      const detail = `${file}: no license has a key that this file is called after.`;
      findings.push({ file, code: "file-without-license", detail });
    }
    for (const { key } of owners) files.set(key, [...(files.get(key) ?? []), file]);
  }
  return { files, findings };
}

/** Whose the older, single database is: the license in the first row of its own table. */
export interface SingleFile {
  readonly owner: Entry | null;
  /** Licenses that its table names and no other list does. */
  readonly findings: readonly LegacyFinding[];
  /** Why it can't be said whose it is; null when it can. */
  readonly trouble: string | null;
}

export async function singleFile(folder: LegacyFolder, known: readonly Entry[]): Promise<SingleFile> {
  const rows = await licenseRows(folder, SINGLE_FILE);
  if (rows instanceof SourceError) {
    const detail = `${SINGLE_FILE}: ${rows.message}`;
    const finding: LegacyFinding = { file: SINGLE_FILE, code: "unreadable", detail };
    return { owner: null, findings: [finding], trouble: rows.message };
  }
  const findings: LegacyFinding[] = [];
  const listed: Entry[] = [];
  for (const { table, row } of rows) {
    const entry = rowEntry(SINGLE_FILE, table, row);
    if (entry === null) findings.push(keyless(SINGLE_FILE, table, row));
    else listed.push(entry);
  }
  const [owner, ...others] = listed;
  if (owner === undefined) {
    const detail = `${SINGLE_FILE}: it names no license.`;
    findings.push({ file: SINGLE_FILE, code: "file-without-license", detail });
    return { owner: null, findings, trouble: null };
  }
  const keys = new Set(known.map(({ key }) => foldKey(key)));
  for (const { key, source } of others) {
    if (keys.has(foldKey(key))) continue;
    const detail = `${source}: no other list has it, and the file's data are another license's.`;
    findings.push({ file: SINGLE_FILE, code: "entry-refused", detail });
  }
  return { owner, findings, trouble: null };
}

/**
 * By table, the values that mark a license's own rows in its file. The file's ids of licenses are its own; where it
 * holds no licenses, as the application's newer files don't, an id can only be the master's.
 */
export async function ownedRows(
  folder: LegacyFolder,
  file: string,
  entry: Entry,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const rows = await licenseRows(folder, file);
  const found = rows instanceof SourceError ? [] : rows.map(({ row }) => row);
  const own = found.filter((row) => foldKey(idText(row.license_key)) === foldKey(entry.key));
  const keys = [...new Set([entry.key, ...own.map((row) => idText(row.license_key))])];
  const ids =
    found.length === 0 ? (entry.masterId === null ? [] : [entry.masterId]) : own.map((row) => idText(row.id));
  return { license: keys, licenses: keys, license_checks: ids };
}

async function licenseRows(
  folder: LegacyFolder,
  file: string,
): Promise<{ table: string; row: Row }[] | SourceError> {
  try {
    const found: { table: string; row: Row }[] = [];
    for (const table of LICENSE_TABLES) {
      for (const row of (await folder.rows(file, table)) ?? []) found.push({ table, row });
    }
    return found;
  } catch (error) {
    // Whoever reads its data is told the same, and that license alone fails.
    if (error instanceof SourceError) return error;
    throw error;
  }
}
