import { sql } from "kysely";
import type { NamedMigration } from "../blueprint/define.ts";
import { createLimits, type LimitedTable } from "../blueprint/limits.ts";
import type { FolderFault } from "./folder-error.ts";
import { BASELINE_SUFFIX, COMMON_SEED_FILE, MIGRATION_SUFFIX, SEED_FILE, SETTINGS_FILE } from "./names.ts";
import { refusal, refusalOutsideTransaction } from "./refused-statements.ts";
import { type SqlStatement, sqlStatements } from "./sql-statements.ts";

const MIGRATION_FILE = /^(\d{4})_[a-z0-9]+(?:[_-][a-z0-9]+)*\.up\.sql$/;
/** Other files of SQL that a folder may have. */
const SEEDS = new Set([SEED_FILE, COMMON_SEED_FILE]);

/** `-- tenantry: word`, on a line of its own. */
const DIRECTIVE = /^[ \t]*--[ \t]*tenantry:[ \t]*(.*?)[ \t]*$/gm;
const NO_TRANSACTION = "no-transaction";
const LIMITS = "limits";
/** `-- tenantry: breaks app before 2.4`. */
const BREAKS = /^breaks\s+(.{1,200})$/;

/**
 * The migrations of a folder's `.up.sql` files, in order. All that is wrong with their names and statements is added to
 * `faults`, and what is returned then is good for nothing.
 */
export function sqlMigrations(
  texts: ReadonlyMap<string, string>,
  limits: readonly LimitedTable[],
  faults: FolderFault[],
): NamedMigration[] {
  const files = migrationFiles(texts, faults);
  const placed = files.filter((file) =>
    directives(texts.get(file) ?? "").some(({ word }) => word === LIMITS),
  );
  limitFaults(placed, limits, faults);
  return files.map((file) => {
    const text = texts.get(file) ?? "";
    const name = file.slice(0, -MIGRATION_SUFFIX.length);
    const found = directives(text);
    for (const { word, line } of found) {
      if (word === NO_TRANSACTION || word === LIMITS || BREAKS.test(word)) continue;
      const detail = `Tenantry knows no ${JSON.stringify(word)}; there are ${NO_TRANSACTION}, ${LIMITS} and breaks WHAT`;
      faults.push({ file, line, detail });
    }
    const outside = found.some(({ word }) => word === NO_TRANSACTION);
    const broken = found.flatMap(({ word }) => BREAKS.exec(word)?.[1] ?? []);
    const breaks = broken.length === 0 ? {} : { breaks: broken.join("; ") };
    const statements = checkedStatements(file, text, faults, outside ? refusalOutsideTransaction : refusal);
    if (statements.length === 0) faults.push({ file, line: null, detail: "holds no statement" });
    if (outside) {
      for (const { text: statement, line } of statements) {
        if (withoutConcurrently(statement) !== statement) continue;
        faults.push({ file, line, detail: "must be written INDEX CONCURRENTLY, with nothing in between" });
      }
      if (placed.includes(file)) {
        const detail = `can't have both ${NO_TRANSACTION} and ${LIMITS}; put the limits into another migration`;
        faults.push({ file, line: null, detail });
      }
      return { ...outsideTransaction(name, statements), ...breaks };
    }
    return {
      name,
      up: async (db) => {
        await sql.raw(text).execute(db);
        if (placed.includes(file)) await createLimits(db, limits);
      },
      ...breaks,
    };
  });
}

/** Adds what is wrong with a file's statements to `faults`. */
export function checkedStatements(
  file: string,
  text: string,
  faults: FolderFault[],
  refuse: (statement: SqlStatement) => string | null = refusal,
): readonly SqlStatement[] {
  const { statements, openLine } = sqlStatements(text);
  if (openLine !== null) {
    faults.push({
      file,
      line: openLine,
      detail: "a string, quoted name or comment begins here and never ends",
    });
  }
  if (text.includes("\0")) faults.push({ file, line: null, detail: "holds a NUL character" });
  for (const statement of statements) {
    const detail = refuse(statement);
    if (detail !== null) faults.push({ file, line: statement.line, detail });
  }
  return statements;
}

/** A new tenant's tables are empty and nobody waits for them: there the index is made in the tenant's own transaction. */
function outsideTransaction(name: string, statements: readonly SqlStatement[]): NamedMigration {
  return {
    name,
    up: async (db) => {
      for (const { text } of statements) {
        await sql.raw(withoutConcurrently(text)).execute(db);
      }
    },
    outsideTransaction: statements.map(({ text }) => text.trim()),
  };
}

/** The statement as it may be run in a transaction. */
export function withoutConcurrently(statement: string): string {
  return statement.replace(/^((?:create\s+(?:unique\s+)?|drop\s+)index\s+)concurrently\s+/i, "$1");
}

function migrationFiles(texts: ReadonlyMap<string, string>, faults: FolderFault[]): string[] {
  const files = [...texts.keys()].filter((file) => file.endsWith(".sql"));
  const migrations: string[] = [];
  for (const file of files) {
    if (MIGRATION_FILE.test(file)) migrations.push(file);
    else if (file.endsWith(".down.sql")) {
      faults.push({ file, line: null, detail: "would never be run: Tenantry only goes forward; remove it" });
    } else if (!SEEDS.has(file) && !file.endsWith(BASELINE_SUFFIX)) {
      const detail =
        "is not named like a migration, such as 0002_add_tags.up.sql (lower-case), nor seed.sql or common-seed.sql";
      faults.push({ file, line: null, detail });
    }
  }
  if (migrations.length === 0) {
    faults.push({ file: null, line: null, detail: "it has no migration, such as 0001_init.up.sql" });
  }
  migrations.forEach((file, index) => {
    const number = Number(file.slice(0, 4));
    const before = Number(migrations[index - 1]?.slice(0, 4) ?? 0);
    if (number === before && index > 0) {
      faults.push({ file, line: null, detail: `has the same number as ${migrations[index - 1]}` });
    } else if (number > before + 1 || number === 0) {
      const expected = String(before + 1).padStart(4, "0");
      faults.push({ file, line: null, detail: `leaves a gap: the next number is ${expected}` });
    }
  });
  return migrations;
}

function limitFaults(
  placed: readonly string[],
  limits: readonly LimitedTable[],
  faults: FolderFault[],
): void {
  const mark = `-- tenantry: ${LIMITS}`;
  const [, second] = placed;
  if (limits.length > 0 && placed.length === 0) {
    const detail = `names limits, but no migration makes them: put ${mark} into the one after whose tables they hold`;
    faults.push({ file: SETTINGS_FILE, line: null, detail });
  }
  if (second !== undefined)
    faults.push({ file: second, line: null, detail: `${mark} is in ${placed[0]} already` });
  if (limits.length === 0 && placed[0] !== undefined) {
    faults.push({ file: placed[0], line: null, detail: `${mark} needs "limits" in blueprint.json` });
  }
}

function directives(text: string): { readonly word: string; readonly line: number }[] {
  return [...text.matchAll(DIRECTIVE)].map((found) => ({
    word: found[1] ?? "",
    line: text.slice(0, found.index).split("\n").length,
  }));
}
