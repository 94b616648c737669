import { LIMITS_TABLE, type LimitName, limitsOf } from "../blueprint/limits.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { ImportPlan } from "./import-plan.ts";
import type { ImportTenantInput } from "./import-tenant.ts";
import { keptTables } from "./kept-tables.ts";
import type { KeyChecks } from "./set-aside.ts";
import type { TargetDescription, TargetReference, TargetTable } from "./target-description.ts";

type LoadInput = Pick<ImportTenantInput, "plan" | "kept" | "schema" | "blueprint" | "seed" | "afterLoad">;

/**
 * What comes between a new tenant's tables and the rows. The seed's rows go where the file brings rows of its own. No
 * limit is there yet, so old data may hold more than the license allows. Triggers are for rows that are new in the world,
 * which these aren't. References that can't be kept row by row are kept at the end.
 */
export function openingScript(input: LoadInput, target: TargetDescription): string {
  const loaded = loadedTables(input, target);
  return [
    // A table with checks that wait can't be altered, and the seed may have left some.
    "SET CONSTRAINTS ALL IMMEDIATE;\n",
    ...loaded.filter(({ hasTriggers }) => hasTriggers).map(({ name }) => triggers(name, "DISABLE", "USER")),
    ...boundReferences(loaded, target).map((each) => deferrability(each, "DEFERRABLE")),
    "SET CONSTRAINTS ALL DEFERRED;\n",
    ...loaded
      .filter(isSeeded)
      .toReversed()
      .map(({ name }) => `DELETE FROM ${quoteIdentifier(name)};\n`),
    ...(stayingReferences(loaded, target).length > 0 ? [] : ["SET CONSTRAINTS ALL IMMEDIATE;\n"]),
    ...input.plan.tables.filter(({ extra }) => extra).map(extraTable),
    ...keptTables(input, target),
    "SET CONSTRAINTS ALL DEFERRED;\n",
  ].join("");
}

/**
 * What comes after the verification, since it adds what isn't in the file: the mapping's own SQL, the license's limits. Then
 * all is as in any other tenant.
 */
export function afterLoadScript(input: LoadInput, target: TargetDescription): string {
  const loaded = loadedTables(input, target);
  const parameters = quoteLiteral(JSON.stringify(input.seed.parameters ?? {}));
  return [
    `SELECT set_config('tenantry.parameters', ${parameters}, true);\n`,
    // Its last line may be a comment.
    ...input.afterLoad.map((statement) => `${statement}\n;\n`),
    limitsScript(input),
    ...boundReferences(loaded, target).map((each) => deferrability(each, "NOT DEFERRABLE")),
    ...loaded
      .filter(({ hasTriggers }) => hasTriggers)
      .flatMap(({ name, oddTriggers = [] }) => [
        triggers(name, "ENABLE", "USER"),
        ...oddTriggers.map((odd) => triggers(name, odd.mode, quoteIdentifier(odd.name))),
      ]),
  ].join("");
}

/** The blueprint's tables that the plan brings rows for, in the plan's order. */
function loadedTables({ plan }: Pick<LoadInput, "plan">, target: TargetDescription): TargetTable[] {
  return plan.tables.flatMap(({ target: name, extra }) =>
    extra ? [] : target.tables.filter((table) => table.name === name),
  );
}

function isSeeded({ seeded, hasRows = seeded.length > 0 }: TargetTable): boolean {
  return hasRows;
}

function triggers(table: string, mode: string, which: string): string {
  return `ALTER TABLE ${quoteIdentifier(table)} ${mode} TRIGGER ${which};\n`;
}

interface BoundReference {
  readonly table: string;
  readonly reference: TargetReference;
}

/**
 * References that the blueprint wants checked at once, and that can't be: to rows that come later or in the same table;
 * and of seeded rows that stay, to seeded rows that the file's replace.
 */
function boundReferences(loaded: readonly TargetTable[], target: TargetDescription): BoundReference[] {
  const place = new Map(loaded.map(({ name }, index) => [name, index]));
  const own = loaded.flatMap(({ name, references }, index) =>
    references
      .filter(({ table }) => (place.get(table) ?? -1) >= index)
      .map((reference) => ({ table: name, reference })),
  );
  return [...own, ...stayingReferences(loaded, target)].filter(({ reference }) => !reference.deferrable);
}

/** References of seeded rows that stay, since the file has none for their table, to rows that the file brings. */
function stayingReferences(loaded: readonly TargetTable[], { tables }: TargetDescription): BoundReference[] {
  const names = new Set(loaded.map(({ name }) => name));
  return tables
    .filter((table) => isSeeded(table) && !names.has(table.name))
    .flatMap(({ name, references }) =>
      references.filter(({ table }) => names.has(table)).map((reference) => ({ table: name, reference })),
    );
}

/**
 * How the first try checks keys. A table with checks that wait can't be altered; and those of seeded rows that stay wait for
 * the file's.
 */
export function firstKeyChecks(plan: ImportPlan, target: TargetDescription): KeyChecks {
  return stayingReferences(loadedTables({ plan }, target), target).length > 0 ? "row-by-row" : "at-the-end";
}

function deferrability({ table, reference }: BoundReference, form: "DEFERRABLE" | "NOT DEFERRABLE"): string {
  return `ALTER TABLE ${quoteIdentifier(table)} ALTER CONSTRAINT ${quoteIdentifier(reference.constraint)} ${form};\n`;
}

function extraTable({ target, columns }: LoadInput["plan"]["tables"][number]): string {
  return `CREATE TABLE ${quoteIdentifier(target)} (${columns.map((column) => `${quoteIdentifier(column.target)} text`).join(", ")});\n`;
}

function limitsScript({ blueprint, seed }: LoadInput): string {
  const limited = limitsOf(blueprint.blueprint);
  if (limited.length === 0) return "";
  const maximum: Readonly<Record<LimitName, number>> = {
    users: seed.license.maxUsers,
    branches: seed.license.maxBranches,
  };
  const values = limited.map(({ limit }) => `(${quoteLiteral(limit)}, ${maximum[limit]})`);
  return `INSERT INTO ${LIMITS_TABLE} (name, maximum) VALUES ${values.join(", ")};\n`;
}
