import type {
  FindOptions,
  FoundLicenses,
  LegacyFinding,
  LegacyFolder,
  LegacyLicense,
} from "../../../legacy/legacy-system.ts";
import { SourceError } from "../../../legacy/source-description.ts";
import { type Entry, findingsOf, foldKey } from "./entries.ts";
import { JSON_LIST, jsonList } from "./json-list.ts";
import { MASTER, masterList } from "./master-list.ts";
import { claimFiles, ownedRows, SINGLE_FILE, singleFile } from "./tenant-files.ts";

/** What a license has for a file, or why it can't be said. */
interface FileOf {
  readonly file: string | null;
  readonly refused: string | null;
}

/**
 * Finds the licenses of a folder of the old ERP: those of the master, in its order, then those that only the older
 * `licenses.json` or `erp_system.db` have.
 *
 * @throws SourceError `SOURCE_INVALID` when the folder holds no list of licenses; whatever the master can't be read for.
 */
export async function findLicenses(folder: LegacyFolder, options?: FindOptions): Promise<FoundLicenses> {
  const names = new Set((await folder.list("")).map(({ name }) => name));
  if (![MASTER, JSON_LIST, SINGLE_FILE].some((name) => names.has(name))) {
    const detail = `The folder holds none of ${MASTER}, ${JSON_LIST} and ${SINGLE_FILE}.`;
    throw new SourceError("SOURCE_INVALID", "", detail);
  }
  const entries: Entry[] = [];
  const findings: LegacyFinding[] = [];
  if (names.has(MASTER)) {
    const master = await masterList(folder);
    entries.push(...master.entries);
    findings.push(...master.findings);
  }
  if (names.has(JSON_LIST)) {
    const json = await jsonList(folder, options?.timeZone ?? "UTC");
    const listed = new Set(entries.map(({ key }) => foldKey(key)));
    const isListed = ({ key }: Entry): boolean => listed.has(foldKey(key));
    entries.push(...json.entries.filter((entry) => !isListed(entry)));
    findings.push(...json.findings, ...json.entries.filter(isListed).map(superseded));
  }

  const single = names.has(SINGLE_FILE) ? await singleFile(folder, entries) : null;
  findings.push(...(single?.findings ?? []));
  const owner = single?.owner ?? null;
  if (owner !== null && !entries.some(({ key }) => foldKey(key) === foldKey(owner.key))) entries.push(owner);
  findings.push(...entries.flatMap(findingsOf));

  const claimed = await claimFiles(folder, entries);
  findings.push(...claimed.findings);
  const ownerKey = owner === null ? null : foldKey(owner.key);
  const spellings = Map.groupBy(entries, ({ key }) => foldKey(key));
  const claims = Map.groupBy(
    entries.flatMap(({ key }) => (claimed.files.get(key) ?? []).map((file) => ({ key, file }))),
    ({ file }) => file,
  );
  const fileOf = (entry: Entry): FileOf => {
    const own = claimed.files.get(entry.key) ?? [];
    const [file] = own;
    const rivals = spellings.get(foldKey(entry.key)) ?? [];
    if (rivals.length > 1) return refuse("Another license's key differs from this one's in spelling only.");
    if (own.some((each) => (claims.get(each)?.length ?? 0) > 1)) {
      return refuse("Another license claims the same file.");
    }
    if (own.length > 1) return refuse("Two files are called after its key.");
    if (file !== undefined) return { file, refused: null };
    if (foldKey(entry.key) === ownerKey) return { file: SINGLE_FILE, refused: null };
    if (single?.trouble != null) {
      return refuse(`${SINGLE_FILE} can't be read, and may hold this license's data.`);
    }
    return { file: null, refused: null };
  };

  const licenses: LegacyLicense[] = [];
  for (const entry of entries) {
    const { file, refused } = fileOf(entry);
    if (foldKey(entry.key) === ownerKey && file !== null && file !== SINGLE_FILE) {
      const detail = `${SINGLE_FILE}: its license, ${entry.key}, has a file of its own, which is the one that is read.`;
      findings.push({ file: SINGLE_FILE, code: "ambiguous-file", detail });
    }
    const owned = file === null ? {} : await ownedRows(folder, file, entry);
    licenses.push(toLicense(entry, { file, refused: refused ?? faultOf(entry) }, owned));
  }
  return { licenses, findings };
}

function refuse(why: string): FileOf {
  return { file: null, refused: why };
}

function faultOf({ faults }: Entry): string | null {
  return faults.length === 0 ? null : `It can't be taken over: ${faults.join("; ")}.`;
}

function superseded({ source, file }: Entry): LegacyFinding {
  const detail = `${source}: ${MASTER} has this license too; what it says counts.`;
  return { file, code: "duplicate-license", detail };
}

/** A license with data has its users in them; the list's admin is for those that get a fresh tenant. */
function toLicense(entry: Entry, { file, refused }: FileOf, owned: LegacyLicense["owned"]): LegacyLicense {
  return {
    name: entry.key,
    source: entry.source,
    key: entry.key,
    ...entry.facts,
    parameters: {},
    admin: file === null ? entry.admin : null,
    file,
    schema: null,
    refused,
    owned,
    kept: entry.kept,
  };
}
