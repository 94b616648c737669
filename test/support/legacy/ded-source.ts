import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createDedTables, type DedVersion, licenseTable } from "./ded-database.ts";
import { fillDed, type RowCounts } from "./ded-rows.ts";
import { insertRow, type PlantedValue } from "./plant.ts";
import { werkzeugScrypt } from "./werkzeug.ts";

export const DED_PASSWORD = "Old password 9!";

export interface DedSourceInput {
  readonly licenses: readonly DedLicenseInput[];
  /** What `licenses.json` holds; left out, there is none. */
  readonly json?: Readonly<Record<string, unknown>>;
  /** `erp_system.db`, the older single database: whose license rows it holds (by place in `licenses`), and its data. */
  readonly single?: DedFileInput & { readonly licenses: readonly number[] };
  /** Rows of `license_checks` for each license in the master. */
  readonly checks?: number;
  /** Which name the master's table of licenses has. */
  readonly masterVersion?: Exclude<DedVersion, "single">;
}

export interface DedLicenseInput {
  /** Made of its place when left out: `DED0-0000-0000-0001`. */
  readonly key?: string;
  /** Columns of its row in the master, over the usual ones. */
  readonly row?: Readonly<Record<string, PlantedValue>>;
  /** `hash` is made of `DED_PASSWORD` when left out. Null: it has no admin. */
  readonly admin?: { readonly username: string; readonly hash?: string } | null;
  /** Its own file with its data; left out, it has none. */
  readonly file?: DedFileInput;
}

export interface DedFileInput {
  /** In `tenant_databases`; the program's own name for it when left out: `tenant_<KEY with _ for ->.db`. */
  readonly name?: string;
  readonly version?: DedVersion;
  /** How many rows of each table, beside what the program seeds. */
  readonly rows?: RowCounts;
  /** For whatever is odd: done last, over the whole file. */
  readonly change?: (db: DatabaseSync) => void;
}

export interface DedSource {
  /** Absolute. */
  readonly folder: string;
  readonly licenses: readonly DedLicense[];
  /** Absolute path of a file of it. */
  path(relative: string): string;
  /** Changes a file of it, as the old program or somebody's hand would. */
  edit(relative: string, change: (db: DatabaseSync) => void): void;
}

export interface DedLicense {
  readonly key: string;
  /** Its id in the master. */
  readonly id: number;
  /** Relative to the folder; null when it has none. */
  readonly file: string | null;
}

/** Writes a source of the old ERP into an empty folder: the master, tenants' files, and what else is asked for. */
export function writeDedSource(folder: string, input: DedSourceInput): DedSource {
  mkdirSync(join(folder, "tenant_databases"));
  const path = (relative: string): string => join(folder, relative);
  const edit = (relative: string, change: (db: DatabaseSync) => void): void =>
    withDatabase(path(relative), change);
  const licenses = input.licenses.map((license, index): DedLicense => {
    const key = license.key ?? `DED0-0000-0000-${String(index + 1).padStart(4, "0")}`;
    const name = license.file?.name ?? tenantFileName(key);
    return { key, id: index + 1, file: license.file === undefined ? null : `tenant_databases/${name}` };
  });
  const rows = input.licenses.map((license, index) => licenseRow(license, licenses[index] as DedLicense));
  const masterVersion = input.masterVersion ?? "license";
  edit("licenses_master.db", (db) => {
    createDedTables(db, masterVersion);
    for (const row of rows) insertRow(db, licenseTable(masterVersion), row);
    for (const { id } of licenses) addChecks(db, id, input.checks ?? 0);
  });
  for (const [index, { file }] of licenses.entries()) {
    const wanted = input.licenses[index]?.file;
    if (file === null || wanted === undefined) continue;
    edit(file, (db) => writeTenant(db, wanted, "license", rows[index]));
  }
  const { single, json } = input;
  if (single !== undefined) {
    edit("erp_system.db", (db) => {
      const own = single.licenses.map((place) => rows[place] ?? {});
      writeTenant(db, single, "single", own[0], () => {
        for (const [index, row] of own.entries()) insertRow(db, "licenses", { ...row, id: index + 1 });
      });
    });
  }
  if (json !== undefined) writeFileSync(path("licenses.json"), JSON.stringify(json, null, 2));
  return { folder, licenses, path, edit };
}

/** What the program calls the file of a license. */
export function tenantFileName(key: string): string {
  return basename(`tenant_${key.replaceAll("-", "_")}.db`);
}

/** Opens a file as its program did, and closes it whatever happens. */
export function withDatabase(file: string, work: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false, defensive: false });
  try {
    // Nobody's data: what a crash of the test would lose is made anew.
    db.exec("PRAGMA synchronous = OFF");
    work(db);
  } finally {
    db.close();
  }
}

function writeTenant(
  db: DatabaseSync,
  input: DedFileInput,
  usual: DedVersion,
  license: Readonly<Record<string, PlantedValue>> | undefined,
  addLicenses: () => void = () => undefined,
): void {
  const version = input.version ?? usual;
  createDedTables(db, version);
  addLicenses();
  fillDed(db, version, input.rows ?? {});
  const username = license?.admin_username;
  const hash = license?.admin_password_hash;
  if (typeof username === "string" && typeof hash === "string") {
    db.prepare(
      "UPDATE users SET username = ?, password_hash = ?, is_admin = 1, role_id = 1, branch_id = 1 WHERE id = 1",
    ).run(username, hash);
  }
  input.change?.(db);
}

function addChecks(db: DatabaseSync, licenseId: number, count: number): void {
  for (let each = 0; each < count; each++) {
    insertRow(db, "license_checks", {
      license_id: licenseId,
      check_time: "2024-03-13 07:33:22.795901",
      is_valid: 1,
      check_result: "الترخيص صالح",
      ip_address: "192.168.1.167",
      machine_id: "DESKTOP-1I82N7H-257700913494600",
    });
  }
}

function licenseRow(input: DedLicenseInput, { key, id }: DedLicense): Readonly<Record<string, PlantedValue>> {
  const admin = input.admin === undefined ? { username: "owner" } : input.admin;
  return {
    id,
    license_key: key,
    license_hash: createHash("sha256").update(key).digest("hex"),
    client_name: `عميل ${id}`,
    client_email: `owner${id}@customer.example`,
    client_phone: "0500000101",
    client_company: `شركة ${id}`,
    license_type: "lifetime",
    max_users: 20,
    max_branches: 5,
    is_active: 1,
    is_suspended: 0,
    suspension_reason: null,
    created_at: "2024-03-02 09:00:27.678862",
    activated_at: "2024-03-02 09:00:27.678873",
    expires_at: null,
    last_check: "2024-08-15 13:02:11.224827",
    machine_id: "DESKTOP-1I82N7H-257700913494600",
    ip_address: "192.168.1.167",
    admin_username: admin?.username ?? null,
    admin_password_hash: admin === null ? null : (admin.hash ?? usualHash()),
    notes: null,
    ...input.row,
  };
}

let madeHash: string | undefined;

/** Made once: it takes a tenth of a second. */
function usualHash(): string {
  madeHash ??= werkzeugScrypt(DED_PASSWORD);
  return madeHash;
}
