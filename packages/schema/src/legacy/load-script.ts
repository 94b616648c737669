import { LIMITS_TABLE, type LimitName, limitsOf } from "../blueprint/limits.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { ImportTenantInput } from "./import-tenant.ts";
import { keptTables } from "./kept-tables.ts";
import { type KeyChecks, tablesOfMany } from "./set-aside.ts";
import type { TargetDescription, TargetReference, TargetTable } from "./target-description.ts";

type LoadInput = Pick<ImportTenantInput, "plan" | "kept" | "schema" | "blueprint" | "seed" | "afterLoad"> & {
  readonly keys: KeyChecks;
};

/**
 * What comes between a new tenant's tables and the rows. The seed's rows go where the file brings rows of its own. No
 * limit is there yet, so old data may hold more than the license allows. Triggers are for rows that are new in the world,
 * which these aren't. References that can't be kept row by row are kept at the end.
 */
export function openingScript(input: LoadInput, target: TargetDescription): string {
  const loaded = loadedTables(input, target);
  return [
    "SET CONSTRAINTS ALL DEFERRED;\n",
    ...loaded.toReversed().map(({ name }) => `DELETE FROM ${quoteIdentifier(name)};\n`),
    // A table with checks that wait can't be altered.
    "SET CONSTRAINTS ALL IMMEDIATE;\n",
    ...loaded.filter(({ hasTriggers }) => hasTriggers).map((table) => triggers(table, "DISABLE")),
    ...boundCycles(loaded, input).map((each) => deferrability(each, "DEFERRABLE")),
    ...input.plan.tables.filter(({ extra }) => extra).map(extraTable),
    ...keptTables(input),
    "SET CONSTRAINTS ALL DEFERRED;\n",
  ].join("");
}

/** What comes between the rows and their verification: constraints are in force, and new rows have a place. */
export function closingScript(input: LoadInput, target: TargetDescription): string {
  const loaded = loadedTables(input, target);
  return `SET CONSTRAINTS ALL IMMEDIATE;\n${sequencesScript(input.schema, loaded)}${limitsScript(input)}`;
}

/**
 * What comes after the verification, since it adds what isn't in the file: the mapping's own SQL. Then all is as in any
 * other tenant.
 */
export function afterLoadScript(input: LoadInput, target: TargetDescription): string {
  const loaded = loadedTables(input, target);
  const parameters = quoteLiteral(JSON.stringify(input.seed.parameters ?? {}));
  return [
    `SELECT set_config('tenantry.parameters', ${parameters}, true);\n`,
    // Its last line may be a comment.
    ...input.afterLoad.map((statement) => `${statement}\n;\n`),
    ...boundCycles(loaded, input).map((each) => deferrability(each, "NOT DEFERRABLE")),
    ...loaded.filter(({ hasTriggers }) => hasTriggers).map((table) => triggers(table, "ENABLE")),
  ].join("");
}

/** The blueprint's tables that the plan brings rows for, in the plan's order. */
function loadedTables({ plan }: LoadInput, target: TargetDescription): TargetTable[] {
  return plan.tables.flatMap(({ target: name, extra }) =>
    extra ? [] : target.tables.filter((table) => table.name === name),
  );
}

function triggers({ name }: TargetTable, verb: "ENABLE" | "DISABLE"): string {
  return `ALTER TABLE ${quoteIdentifier(name)} ${verb} TRIGGER USER;\n`;
}

interface BoundReference {
  readonly table: string;
  readonly reference: TargetReference;
}

/**
 * References to rows that come later, or in the same table, and that the blueprint wants checked at once. Those of tables
 * with many rows are checked at the end in any case.
 */
function boundCycles(loaded: readonly TargetTable[], { plan, keys }: LoadInput): BoundReference[] {
  const place = new Map(loaded.map(({ name }, index) => [name, index]));
  const setAside = keys === "at-the-end" ? tablesOfMany(plan) : new Set<string>();
  return loaded.flatMap(({ name, references }, index) =>
    references
      .filter(() => !setAside.has(name))
      .filter(({ deferrable, table }) => !deferrable && (place.get(table) ?? -1) >= index)
      .map((reference) => ({ table: name, reference })),
  );
}

function deferrability({ table, reference }: BoundReference, form: "DEFERRABLE" | "NOT DEFERRABLE"): string {
  return `ALTER TABLE ${quoteIdentifier(table)} ALTER CONSTRAINT ${quoteIdentifier(reference.constraint)} ${form};\n`;
}

function extraTable({ target, columns }: LoadInput["plan"]["tables"][number]): string {
  return `CREATE TABLE ${quoteIdentifier(target)} (${columns.map((column) => `${quoteIdentifier(column.target)} text`).join(", ")});\n`;
}

/** A sequence that has reached its end stays there: the next row is refused, as it would be if rows had used it up. */
function sequencesScript(schema: string, loaded: readonly TargetTable[]): string {
  const moves = loaded.flatMap(({ name, columns }) =>
    columns
      .filter(({ identity }) => identity)
      .map((column) => {
        const table = `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
        const highest = `max(${quoteIdentifier(column.name)})`;
        return `SELECT setval(pg_get_serial_sequence(${quoteLiteral(table)}, ${quoteLiteral(column.name)}), greatest(coalesce(${highest}, 1), 1), coalesce(${highest}, 0) >= 1) FROM ${table}`;
      }),
  );
  return moves.length === 0 ? "" : `${moves.join(" UNION ALL ")};\n`;
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
