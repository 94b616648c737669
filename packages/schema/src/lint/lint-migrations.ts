import type { Node } from "libpg-query";
import type { CompiledBlueprint } from "../blueprint/compile.ts";
import { lintStatement } from "./lint-statement.ts";
import { MigrationTables, rememberStatement, SchemaMemory } from "./remember.ts";
import type { LintWarning } from "./warnings.ts";

/** A migration as what it does to a tenant in use. */
export interface LintedMigration {
  readonly name: string;
  readonly sql: string;
}

/** Longest beginning of a statement that a warning shows. */
const MAX_STATEMENT = 120;

/**
 * Looks for steps that are dangerous to tenants in use: those that keep queries waiting, write tables anew, fail at rows that
 * tenants have, or break applications that still run. Reads what PostgreSQL's own parser makes of the text; bodies of functions
 * and of `DO` are not read. What is done to a table that the same migration makes is fine.
 *
 * @param from migrations before this place are read, and not warned of
 */
export async function lintMigrations(
  migrations: readonly LintedMigration[],
  from = 0,
): Promise<LintWarning[]> {
  // PostgreSQL's parser in WebAssembly, 2 MB that only a check needs.
  const { loadModule, parseSync } = await import("libpg-query");
  await loadModule();
  const memory = new SchemaMemory();
  const warnings: LintWarning[] = [];
  for (const [place, { name: migration, sql }] of migrations.entries()) {
    const tables = new MigrationTables();
    const bytes = Buffer.from(sql);
    const statements = readStatements(parseSync, sql);
    if (statements === null && place >= from) {
      warnings.push({
        code: "unreadable",
        migration,
        statement: shorten(sql),
        why: "PostgreSQL 18's parser can't read this migration, so nothing is known of it.",
        saferWay: "Look at it yourself.",
      });
    }
    for (const { stmt, stmt_location: start = 0, stmt_len: length } of statements ?? []) {
      if (stmt === undefined) continue;
      const text = bytes.subarray(start, length === undefined ? undefined : start + length).toString();
      if (place >= from) {
        for (const found of lintStatement(stmt, { memory, tables })) {
          warnings.push({ ...found, migration, statement: shorten(text) });
        }
      }
      rememberStatement(stmt, { memory, tables });
    }
  }
  return warnings;
}

/** Those that a tenant in use may yet get: all but the first, and those that its baseline stands for. */
export async function lintBlueprint({ blueprint, migrations }: CompiledBlueprint): Promise<LintWarning[]> {
  const outside = new Map(blueprint.migrations.map((each) => [each.name, each.outsideTransaction]));
  const inUse = migrations.map(({ name, sql }) => ({
    name,
    sql:
      outside
        .get(name)
        ?.map((statement) => `${statement}\n;\n`)
        .join("") ?? sql,
  }));
  const covered = migrations.findIndex(({ name }) => name === blueprint.baseline?.upTo) + 1;
  return lintMigrations(inUse, Math.max(1, covered));
}

function readStatements(
  parse: (sql: string) => { stmts?: { stmt?: Node; stmt_location?: number; stmt_len?: number }[] },
  sql: string,
) {
  // The parser takes a text without a character for a mistake of its caller.
  if (sql.trim() === "") return [];
  try {
    return parse(sql).stmts ?? [];
  } catch {
    return null;
  }
}

function shorten(text: string): string {
  const line = text
    .replace(/^(?:\s|--[^\n]*\n|\/\*.*?\*\/)+/s, "")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > MAX_STATEMENT ? `${line.slice(0, MAX_STATEMENT - 1)}…` : line;
}
