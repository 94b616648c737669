import type { Node } from "libpg-query";
import { lintAlterTable } from "./lint-alter-table.ts";
import { type LintState, lastName, nameOf } from "./remember.ts";
import { finding, type LintFinding } from "./warnings.ts";

/** Objects that applications name. */
const NAMED: Readonly<Record<string, string>> = {
  OBJECT_TABLE: "table",
  OBJECT_VIEW: "view",
  OBJECT_MATVIEW: "materialized view",
  OBJECT_COLUMN: "column",
  OBJECT_ATTRIBUTE: "attribute",
  OBJECT_TYPE: "type",
  OBJECT_DOMAIN: "domain",
  OBJECT_SEQUENCE: "sequence",
  OBJECT_FUNCTION: "function",
};

/** What one statement may do to tenants in use. */
export function lintStatement(node: Node, state: LintState): LintFinding[] {
  const isOld = (name: string): boolean => !state.tables.made.has(name);
  if ("AlterTableStmt" in node) return lintAlterTable(node.AlterTableStmt, state);
  if ("IndexStmt" in node) {
    const { relation, concurrent } = node.IndexStmt;
    if (concurrent === true || !isOld(nameOf(relation))) return [];
    return [finding("builds-index", `Nobody can write ${nameOf(relation)} while the index is built.`)];
  }
  if ("DropStmt" in node) {
    const { objects = [], removeType = "" } = node.DropStmt;
    const what = NAMED[removeType];
    // A function or type that is still in use can't be dropped, and a sequence goes with its table.
    if (what === undefined || !["table", "view", "materialized view"].includes(what)) return [];
    const names = objects
      .map((object) => ("List" in object ? lastName(object.List.items) : ""))
      .filter(isOld);
    if (names.length === 0) return [];
    const lost = what === "table" ? "Its rows are gone for good, and applications" : "Applications";
    return [finding("drops", `Drops ${what} ${names.join(", ")}. ${lost} that still name it fail.`)];
  }
  if ("RenameStmt" in node) {
    const { renameType = "", relation, subname, newname, object } = node.RenameStmt;
    const what = NAMED[renameType];
    const table = nameOf(relation);
    if (what === undefined || (relation !== undefined && !isOld(table))) return [];
    const named = object !== undefined && "List" in object ? lastName(object.List.items) : table;
    const old = what === "column" || what === "attribute" ? `${table}.${subname}` : named;
    return [
      finding(
        "renames",
        `Renames ${what} ${old} to ${newname}: applications that still use the old name fail.`,
      ),
    ];
  }
  if ("LockStmt" in node) {
    const names = (node.LockStmt.relations ?? []).flatMap((each) =>
      "RangeVar" in each ? [nameOf(each.RangeVar)] : [],
    );
    if (!names.some(isOld)) return [];
    return [finding("locks-table", `Holds ${names.join(", ")} from here to the end of the upgrade.`)];
  }
  if ("UpdateStmt" in node) {
    const { relation, whereClause } = node.UpdateStmt;
    return whereClause === undefined && isOld(nameOf(relation)) ? [allRows("Writes", nameOf(relation))] : [];
  }
  if ("DeleteStmt" in node) {
    const { relation, whereClause } = node.DeleteStmt;
    return whereClause === undefined && isOld(nameOf(relation)) ? [allRows("Deletes", nameOf(relation))] : [];
  }
  if ("TruncateStmt" in node) {
    const names = (node.TruncateStmt.relations ?? []).flatMap((each) =>
      "RangeVar" in each ? [nameOf(each.RangeVar)] : [],
    );
    return names.filter(isOld).map((name) => allRows("Takes away", name));
  }
  if ("AlterEnumStmt" in node) {
    const { typeName, oldVal, newVal } = node.AlterEnumStmt;
    const what = oldVal === undefined ? `gets the value ${newVal}` : `has ${oldVal} renamed to ${newVal}`;
    return [finding("changes-enum", `Type ${lastName(typeName)} ${what}.`)];
  }
  if ("VacuumStmt" in node && node.VacuumStmt.is_vacuumcmd !== true) return [];
  if ("VacuumStmt" in node) return [maintenance("VACUUM")];
  if ("ReindexStmt" in node) return [maintenance("REINDEX")];
  if ("ClusterStmt" in node || "RepackStmt" in node) return [maintenance("CLUSTER")];
  if ("RefreshMatViewStmt" in node) {
    const view = nameOf(node.RefreshMatViewStmt.relation);
    if (node.RefreshMatViewStmt.concurrent === true || !isOld(view)) return [];
    return [maintenance("REFRESH MATERIALIZED VIEW")];
  }
  return [];
}

function allRows(verb: string, table: string): LintFinding {
  return finding(
    "touches-all-rows",
    `${verb} every row of ${table}, and holds all of them until the upgrade is committed.`,
  );
}

function maintenance(what: string): LintFinding {
  return finding("maintenance", `${what} keeps others waiting for as long as the table is large.`);
}
