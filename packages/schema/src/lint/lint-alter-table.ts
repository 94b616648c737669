import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint } from "libpg-query";
import { type LintState, lastName, nameOf, type SchemaMemory } from "./remember.ts";
import { isVolatile } from "./volatile-default.ts";
import { finding, type LintFinding } from "./warnings.ts";

const REWRITES: Readonly<Record<string, string>> = {
  AT_SetLogged: "becomes logged",
  AT_SetUnLogged: "becomes unlogged",
  AT_SetAccessMethod: "gets another access method",
  AT_SetTableSpace: "moves to another tablespace",
};

/** What an ALTER TABLE may do to tenants in use. */
export function lintAlterTable(
  { relation, cmds = [], objtype }: AlterTableStmt,
  { memory, tables }: LintState,
): LintFinding[] {
  const table = nameOf(relation);
  if (tables.made.has(table)) return [];
  if (objtype !== "OBJECT_TABLE" && objtype !== "OBJECT_MATVIEW" && objtype !== "OBJECT_TYPE") return [];
  return cmds.flatMap((each) =>
    "AlterTableCmd" in each ? lintCommand(table, each.AlterTableCmd, memory) : [],
  );
}

function lintCommand(table: string, command: AlterTableCmd, memory: SchemaMemory): LintFinding[] {
  const { subtype = "", name = "", def } = command;
  const column = `${table}.${name}`;
  const rewrite = REWRITES[subtype];
  if (rewrite !== undefined) return [rewrites(table, `it ${rewrite}`)];
  switch (subtype) {
    case "AT_AddColumn":
      return def !== undefined && "ColumnDef" in def ? addColumn(table, def.ColumnDef, memory) : [];
    case "AT_AlterColumnType":
      return [
        finding(
          "rewrites-table",
          `Changing the type of ${column} writes all of ${table} anew, unless it only makes a varchar longer or text; nobody reads or writes it meanwhile.`,
        ),
      ];
    case "AT_SetExpression":
      return [rewrites(table, `${column} is computed otherwise`)];
    case "AT_SetNotNull":
      return memory.neverNull.has(column) ? [] : [setNotNull(table, name)];
    case "AT_DropColumn":
      return [
        finding(
          "drops",
          `Drops column ${column}. Its values are gone for good, and applications that still name it fail.`,
        ),
      ];
    case "AT_AddConstraint":
      return def !== undefined && "Constraint" in def ? addConstraint(table, def.Constraint) : [];
    default:
      return [];
  }
}

function addColumn(
  table: string,
  { colname = "", typeName, constraints = [] }: ColumnDef,
  memory: SchemaMemory,
): LintFinding[] {
  const column = `${table}.${colname}`;
  const all = constraints.flatMap((each) => ("Constraint" in each ? [each.Constraint] : []));
  const of = (contype: string): Constraint | undefined => all.find((each) => each.contype === contype);
  const value = of("CONSTR_DEFAULT")?.raw_expr;
  const isSerial = /^(big|small)?serial\d?$/.test(lastName(typeName?.names));
  const generated = of("CONSTR_GENERATED");
  const identity = of("CONSTR_IDENTITY");
  const isFilled = value !== undefined || isSerial || generated !== undefined || identity !== undefined;
  const found: LintFinding[] = [];
  if (generated !== undefined && generated.generated_kind !== "v") {
    found.push(rewrites(table, `${column} is computed and stored for each row`));
  }
  if (isSerial || identity !== undefined) found.push(rewrites(table, `${column} is numbered for each row`));
  if (value !== undefined && isVolatile(value, memory.volatileFunctions)) {
    found.push(rewrites(table, `the default of ${column} is another for each row`));
  }
  if ((of("CONSTR_NOTNULL") ?? of("CONSTR_PRIMARY")) !== undefined && !isFilled) {
    found.push(
      finding(
        "not-null-without-default",
        `Fails in every tenant that has a row in ${table}: ${column} would be null there.`,
      ),
    );
  }
  for (const constraint of all) {
    // References of a column that is null everywhere aren't looked at.
    if (constraint.contype === "CONSTR_FOREIGN" && !isFilled) continue;
    if (
      ["CONSTR_CHECK", "CONSTR_FOREIGN", "CONSTR_UNIQUE", "CONSTR_PRIMARY"].includes(constraint.contype ?? "")
    ) {
      found.push(...addConstraint(table, constraint));
    }
  }
  return found;
}

function addConstraint(table: string, constraint: Constraint): LintFinding[] {
  const { contype, skip_validation: unproven, indexname, keys } = constraint;
  switch (contype) {
    case "CONSTR_FOREIGN":
    case "CONSTR_CHECK": {
      if (unproven === true) return [];
      const what = contype === "CONSTR_CHECK" ? "A CHECK" : "A FOREIGN KEY";
      const waits =
        contype === "CONSTR_CHECK"
          ? `nobody reads or writes ${table}`
          : `nobody writes ${table} or ${nameOf(constraint.pktable)}`;
      return [
        finding("validates-constraint", `${what} looks at every row of ${table}, and ${waits} meanwhile.`),
      ];
    }
    case "CONSTR_NOTNULL":
      return unproven === true ? [] : [setNotNull(table, lastName(keys))];
    case "CONSTR_UNIQUE":
    case "CONSTR_PRIMARY":
    case "CONSTR_EXCLUSION":
      if (indexname !== undefined && indexname !== "") return [];
      return [finding("builds-index", `Builds an index, and nobody reads or writes ${table} meanwhile.`)];
    default:
      return [];
  }
}

function rewrites(table: string, because: string): LintFinding {
  return finding(
    "rewrites-table",
    `Writes all of ${table} anew, since ${because}; nobody reads or writes it meanwhile.`,
  );
}

function setNotNull(table: string, column: string): LintFinding {
  return finding(
    "set-not-null",
    `Looks at every row of ${table} for ${column}, and nobody reads or writes it meanwhile; one that is null fails the upgrade.`,
  );
}
