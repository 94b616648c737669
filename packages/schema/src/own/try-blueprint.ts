import { type CompiledBlueprint, compileSeed } from "../blueprint/compile.ts";
import type { SeedInput } from "../blueprint/define.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { BlueprintFolderError, type FolderFault } from "./folder-error.ts";
import { readFolder } from "./folder-files.ts";
import { codeFault } from "./load-module.ts";
import { COMMON_SEED_FILE, MIGRATION_SUFFIX, MODULE_FILE, SEED_FILE } from "./names.ts";
import { lineAt } from "./scan-sql.ts";
import { openScratch } from "./scratch.ts";
import { withoutConcurrently } from "./sql-migrations.ts";
import { sqlStatements } from "./sql-statements.ts";
import { findTroubles } from "./trial-findings.ts";

/** What a trial found. */
export interface Trial {
  /** From the schema's creation to the rollback. */
  readonly milliseconds: number;
  /** What works, and yet is likely to be a mistake. */
  readonly warnings: readonly string[];
}

/** A piece of a tenant's script, and where its author has written it. */
interface Part {
  readonly file: string | null;
  readonly sql: string;
  /** The file's own text; null for what is in a module. */
  readonly source: string | null;
  readonly what: string;
}

/**
 * Makes a tenant of a blueprint that was loaded from a folder in a scratch schema, looks it over, and rolls all of it back.
 *
 * @param pool as Tenantry's own login
 * @throws BlueprintFolderError with the place of a statement that PostgreSQL refuses, or of what a tenant would lack; the
 * driver's error when PostgreSQL can't be reached.
 */
export async function tryBlueprint(pool: Pool, compiled: CompiledBlueprint, seed: SeedInput): Promise<Trial> {
  const folder = compiled.blueprint.source ?? compiled.blueprint.name;
  const parts = await partsOf(compiled, seed, folder);
  return withClient(pool, async (client) => {
    const startedAt = performance.now();
    const scratch = await openScratch(client, { ledger: true });
    for (const [index, part] of parts.entries()) {
      try {
        await client.query(part.sql);
      } catch (error) {
        await client.query("ROLLBACK");
        if (!isOfStatement(error)) throw error;
        const fault = (await locate(client, parts.slice(0, index), part)) ?? placeOfPart(part, error);
        throw new BlueprintFolderError([{ folder, faults: [fault] }], { cause: error });
      }
    }
    const { faults, warnings } = await findTroubles(client, scratch, compiled.blueprint, seed);
    await client.query("ROLLBACK");
    if (faults.length > 0) throw new BlueprintFolderError([{ folder, faults }]);
    return { milliseconds: performance.now() - startedAt, warnings };
  });
}

async function partsOf(compiled: CompiledBlueprint, seed: SeedInput, folder: string): Promise<Part[]> {
  const { blueprint, migrations, commonSeedScript } = compiled;
  const { texts, realFolder } = await readFolder(folder);
  const seedScript = await compileSeed(blueprint, seed).catch((error: unknown) => {
    throw new BlueprintFolderError([{ folder, faults: [codeFault(realFolder, error)] }], { cause: error });
  });
  const part = (file: string, what: string, sql: string): Part => {
    const source = texts.get(file) ?? null;
    const written = source === null ? null : file;
    return { file: written ?? (texts.has(MODULE_FILE) ? MODULE_FILE : null), what, sql, source };
  };
  return [
    ...migrations.map(({ name, sql }) => part(name + MIGRATION_SUFFIX, `migration ${name}`, sql)),
    part(COMMON_SEED_FILE, "the common seed", commonSeedScript),
    part(SEED_FILE, "the seed", seedScript),
  ];
}

/** Runs a file again, one statement at a time, to see which one it is. Null when that can't be told. */
async function locate(client: PoolClient, before: readonly Part[], part: Part): Promise<FolderFault | null> {
  if (part.source === null) return null;
  await openScratch(client, { ledger: true });
  try {
    for (const { sql } of before) await client.query(sql);
    // Values stand in a seed's text in place of their names; none of those of a trial is longer than a line.
    const text = part.file === SEED_FILE ? part.sql : part.source;
    for (const statement of sqlStatements(text).statements) {
      const sql = withoutConcurrently(statement.text);
      try {
        await client.query(sql);
      } catch (error) {
        return placeOfStatement(part, error, { sql, line: statement.line });
      }
    }
    return null;
  } finally {
    await client.query("ROLLBACK");
  }
}

/** What PostgreSQL refused, without a line: in a module, or where Tenantry makes the limits after a file's statements. */
function placeOfPart({ file, what }: Part, error: unknown): FolderFault {
  const of = (field: string): string => String(Reflect.get(Object(error), field) ?? "");
  const advice = of("hint") === "" ? "" : `; ${of("hint")}`;
  const detail = `${what}: PostgreSQL says: ${of("message")} (SQLSTATE ${of("code")})${advice}`;
  return { file, line: null, detail };
}

/** @param statement what was sent, and the line in the author's file that it begins in */
function placeOfStatement(
  part: Part,
  error: unknown,
  statement: { readonly sql: string; readonly line: number },
): FolderFault {
  const position = Number(Reflect.get(Object(error), "position") ?? 1);
  const before = [...statement.sql].slice(0, position - 1).join("");
  return { ...placeOfPart(part, error), line: statement.line + lineAt(before, before.length) - 1 };
}

/** Classes 08, 53, 57 and 58 are the server's own trouble, and no statement's. */
function isOfStatement(error: unknown): boolean {
  const state: unknown = Reflect.get(Object(error), "code");
  return typeof state === "string" && /^[0-9A-Z]{5}$/.test(state) && !/^(08|53|57|58)/.test(state);
}
