import type { KeptRows, LegacyAdmin, LegacyFinding, LegacyLicense } from "../../../legacy/legacy-system.ts";

/** A license of one of the lists, before it is known which file is its own. */
export interface Entry {
  readonly key: string;
  /** Where it stands: `licenses_master.db, license 4`. */
  readonly source: string;
  readonly file: string;
  /** Its id in the master's table, by which its users name it; null elsewhere. */
  readonly masterId: string | null;
  readonly facts: Omit<
    LegacyLicense,
    "name" | "source" | "key" | "parameters" | "admin" | "file" | "schema" | "refused" | "owned" | "kept"
  >;
  readonly admin: LegacyAdmin | null;
  readonly kept: readonly KeptRows[];
  /** What was replaced in it, and what has no reading. */
  readonly replaced: readonly string[];
  readonly faults: readonly string[];
}

/** The licenses of one list, in its order, and what is wrong with others in it. */
export interface EntryList {
  readonly entries: readonly Entry[];
  readonly findings: readonly LegacyFinding[];
}

/** A key as it is looked up: however it is spelled, it is the same license. */
export function foldKey(key: string): string {
  return key.trim().toUpperCase();
}

export function findingsOf({ file, source, replaced }: Entry): LegacyFinding[] {
  return replaced.map((what) => ({ file, code: "value-replaced", detail: `${source}: ${what}.` }));
}
