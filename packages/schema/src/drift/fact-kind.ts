import type { DifferenceKind } from "./difference.ts";
import type { StructureFact } from "./structure.ts";

const KINDS: Readonly<Record<string, DifferenceKind>> = {
  table: "table",
  column: "column",
  default: "default",
  pg_attrdef: "default",
  "not null": "not null",
  pg_constraint: "constraint",
  pg_proc: "function",
  pg_trigger: "trigger",
  pg_type: "type",
  pg_collation: "type",
  pg_statistic_ext: "statistics",
  pg_policy: "policy",
  pg_rewrite: "rule",
  owned: "sequence",
  rights: "rights",
  "default rights": "rights",
  "schema rights": "rights",
  other: "other",
};

/** What people call a fact of the catalog. */
export function factKind({ class: of, name }: Pick<StructureFact, "class" | "name">): DifferenceKind {
  if (of !== "pg_class") return KINDS[of] ?? "setting";
  if (name.startsWith("INDEX ")) return "index";
  return name.startsWith("SEQUENCE ") ? "sequence" : "view";
}

const FIRST_NAME = /^(?:"(?:[^"]|"")*"|[^ .]+)/;

/** The table, quoted as PostgreSQL does, that a fact is about; the name of something else for what isn't about a table. */
export function tableOf({ part_of }: StructureFact): string {
  return FIRST_NAME.exec(part_of.replace(/^TABLE /, ""))?.[0] ?? part_of;
}
