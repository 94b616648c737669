import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { CompiledMigration } from "../blueprint/compile.ts";
import type { Baseline } from "../blueprint/define.ts";
import type { LimitedTable } from "../blueprint/limits.ts";
import type { FolderFault } from "./folder-error.ts";
import { migrationContent } from "./migration-content.ts";
import { BASELINE_SUFFIX } from "./names.ts";

/** A folder's baseline, and what it was made of. */
export interface FolderBaseline extends Baseline {
  readonly file: string;
  /** See `baselineContent`. */
  readonly content: string;
}

const HEADER = /^-- tenantry: baseline ([0-9a-f]{64})\n/;
const AGAIN = "make it again: tenantry blueprint squash FOLDER";

/** The first lines of a baseline's file. */
export function baselineHeader(content: string, first: string, last: string): string {
  return `-- tenantry: baseline ${content}
-- New tenants get this in place of migrations ${first} to ${last}. It was proven to make the same schema and rows.
-- Made by \`tenantry blueprint squash\`; don't edit it.
`;
}

/** Null when the folder has none; adds what is wrong with it to `faults`. */
export function readBaseline(
  texts: ReadonlyMap<string, string>,
  names: readonly string[],
  faults: FolderFault[],
): FolderBaseline | null {
  const files = [...texts.keys()].filter((file) => file.endsWith(BASELINE_SUFFIX));
  const file = files.at(-1);
  if (file === undefined) return null;
  for (const older of files.slice(0, -1)) {
    faults.push({ file: older, line: null, detail: `would not be used, since there is ${file}; remove it` });
  }
  const upTo = file.slice(0, -BASELINE_SUFFIX.length);
  const text = texts.get(file) ?? "";
  const content = HEADER.exec(text)?.[1];
  const wrong = !names.includes(upTo)
    ? `there is no migration ${upTo}; ${AGAIN}`
    : content === undefined
      ? `has lost its first line; ${AGAIN}`
      : null;
  if (wrong !== null) faults.push({ file, line: 1, detail: wrong });
  if (wrong !== null || content === undefined) return null;
  return { file, upTo, content, up: async (db) => void (await sql.raw(text).execute(db)) };
}

/** Null when a baseline was made of the migrations as they are. */
export function baselineFault(
  baseline: FolderBaseline,
  migrations: readonly CompiledMigration[],
  limits: readonly LimitedTable[],
): FolderFault | null {
  const upTo = migrations.findIndex(({ name }) => name === baseline.upTo) + 1;
  if (baselineContent(migrations.slice(0, upTo), limits) === baseline.content) return null;
  const detail = `was made of migrations that have changed since; ${AGAIN}`;
  return { file: baseline.file, line: 1, detail };
}

/** SHA-256, hex, of what a baseline stands for. */
export function baselineContent(
  migrations: readonly CompiledMigration[],
  limits: readonly LimitedTable[],
): string {
  const contents = migrations.map((migration) => `${migration.name} ${migrationContent(migration, limits)}`);
  return createHash("sha256").update(contents.join("\n")).digest("hex");
}
