import type { AlterTableCmd, Constraint, Node, RangeVar } from "libpg-query";

/** What the migrations so far have made that later statements are judged by. */
export class SchemaMemory {
  /** Functions that may answer differently each time: those made without IMMUTABLE or STABLE. */
  readonly volatileFunctions = new Set<string>();
  /** `table.column` that a valid constraint keeps from being null. */
  readonly neverNull = new Set<string>();
  /** The same for those that are yet to be validated, by `table.constraint`. */
  readonly unproven = new Map<string, string>();
}

/** What one migration has made itself: nobody waits for that. */
export class MigrationTables {
  readonly made = new Set<string>();
}

export interface LintState {
  readonly memory: SchemaMemory;
  readonly tables: MigrationTables;
}

export function nameOf(relation: RangeVar | undefined): string {
  return relation?.relname ?? "";
}

/** The last name of a qualified one. */
export function lastName(names: readonly Node[] | undefined): string {
  const last = names?.at(-1);
  return last !== undefined && "String" in last ? (last.String.sval ?? "") : "";
}

export function rememberStatement(node: Node, { memory, tables }: LintState): void {
  if ("CreateStmt" in node) tables.made.add(nameOf(node.CreateStmt.relation));
  if ("CreateTableAsStmt" in node) tables.made.add(nameOf(node.CreateTableAsStmt.into?.rel));
  if ("RenameStmt" in node) {
    const { relation, newname = "", renameType } = node.RenameStmt;
    if (renameType === "OBJECT_TABLE" && tables.made.has(nameOf(relation))) tables.made.add(newname);
  }
  if ("CreateFunctionStmt" in node) {
    const { funcname, options = [] } = node.CreateFunctionStmt;
    const steady = options.some(
      (option) =>
        "DefElem" in option &&
        option.DefElem.defname === "volatility" &&
        option.DefElem.arg !== undefined &&
        "String" in option.DefElem.arg &&
        option.DefElem.arg.String.sval !== "volatile",
    );
    if (steady) memory.volatileFunctions.delete(lastName(funcname));
    else memory.volatileFunctions.add(lastName(funcname));
  }
  if ("AlterTableStmt" in node) {
    const table = nameOf(node.AlterTableStmt.relation);
    for (const command of node.AlterTableStmt.cmds ?? []) {
      if ("AlterTableCmd" in command) rememberCommand(table, command.AlterTableCmd, memory);
    }
  }
}

function rememberCommand(table: string, command: AlterTableCmd, memory: SchemaMemory): void {
  if (command.subtype === "AT_ValidateConstraint") {
    const proven = memory.unproven.get(`${table}.${command.name}`);
    if (proven !== undefined) memory.neverNull.add(proven);
  }
  if (command.subtype !== "AT_AddConstraint" || command.def === undefined || !("Constraint" in command.def))
    return;
  const constraint = command.def.Constraint;
  for (const column of columnsKeptFromNull(constraint)) {
    const name = `${table}.${column}`;
    if (constraint.skip_validation === true) memory.unproven.set(`${table}.${constraint.conname}`, name);
    else memory.neverNull.add(name);
  }
}

/** Of `CHECK (column IS NOT NULL)`, and of `NOT NULL column`. */
function columnsKeptFromNull({ contype, raw_expr: expression, keys }: Constraint): string[] {
  if (contype === "CONSTR_NOTNULL") return [lastName(keys)];
  if (contype !== "CONSTR_CHECK" || expression === undefined || !("NullTest" in expression)) return [];
  const { nulltesttype, arg } = expression.NullTest;
  if (nulltesttype !== "IS_NOT_NULL" || arg === undefined || !("ColumnRef" in arg)) return [];
  return [lastName(arg.ColumnRef.fields)];
}
