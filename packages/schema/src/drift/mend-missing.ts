import { type MendableDifference, TENANT_ROLE, TENANT_SCHEMA } from "./difference.ts";
import { factKey } from "./fact-key.ts";
import { factKind, tableOf } from "./fact-kind.ts";
import type { StructureReference } from "./reference.ts";
import type { StructureFact } from "./structure.ts";

/** Made by their own statement, and nothing is lost or hidden by that. */
const REMADE = new Set(["constraint", "index", "trigger", "function", "view", "statistics", "default"]);

/**
 * Statements that make what is missing. None where that would take something away, hide that rows are lost, or count numbers
 * from the start again: tables, types, sequences, and all that was changed rather than lost.
 *
 * @param there what stands in its place
 */
export function mendMissing(
  reference: StructureReference,
  fact: StructureFact,
  there: StructureFact | null,
): string[] {
  const own = reference.statements.get(factKey(fact));
  if (there !== null) {
    // What CREATE INDEX CONCURRENTLY has left unfinished serves nobody.
    const unfinished = factKind(fact) === "index" && there.text === "INVALID";
    return unfinished && own !== undefined ? [`DROP ${fact.name}`, own] : [];
  }
  const alter = `ALTER TABLE ${tableOf(fact)}`;
  const column = fact.name.slice(tableOf(fact).length + 1);
  switch (fact.class) {
    case "column":
      return addColumn(reference, fact, `${alter} ADD COLUMN ${column} ${fact.text}`);
    case "default":
      return fact.text.startsWith(" DEFAULT ") ? [`${alter} ALTER COLUMN ${column} SET${fact.text}`] : [];
    case "not null":
      return fact.text === " NOT NULL"
        ? [`${alter} ALTER COLUMN ${column} SET NOT NULL`]
        : [`${alter} ADD${fact.text} ${column}`.replace(/^(.*?) NO INHERIT (.*)$/, "$1 $2 NO INHERIT")];
  }
  if (own === undefined || !REMADE.has(factKind(fact))) return [];
  return [own, ...rightsOfRemade(reference, fact)];
}

function addColumn(reference: StructureReference, fact: StructureFact, add: string): string[] {
  const of = (name: string): string =>
    reference.facts.get(factKey({ class: name, name: fact.name }))?.text ?? "";
  const [value, notNull] = [of("default"), of("not null")];
  const isNumbered = value !== "" && !value.startsWith(" DEFAULT ");
  if (isNumbered || (notNull !== "" && value === "")) return [];
  const late = reference.statements.get(factKey({ class: "pg_attrdef", name: fact.name.replace(".", " ") }));
  return [`${add}${value}${notNull}`, ...(late === undefined ? [] : [late])];
}

/** A new function is everybody's to call, and a new view the tenant's to read and write. */
function rightsOfRemade(reference: StructureReference, fact: StructureFact): string[] {
  const target =
    fact.class === "pg_proc"
      ? fact.name.replace(/^[A-Z]+/, "ROUTINE")
      : factKind(fact) === "view"
        ? fact.name.replace(/^(MATERIALIZED )?VIEW/, "TABLE")
        : null;
  if (target === null) return [];
  const given = [...reference.facts.values()].filter(
    ({ class: of, part_of, name }) => of === "rights" && part_of === target && !name.endsWith(" owner"),
  );
  return [
    `REVOKE ALL ON ${target} FROM PUBLIC, ${TENANT_ROLE}`,
    ...given.flatMap((right) => grants(right, right.text.split(", "))),
  ];
}

/** What of one grantee's rights on one thing is missing, and what there is besides; the first can be given. */
export function mendRights(
  expected: StructureFact | null,
  there: StructureFact | null,
): MendableDifference[] {
  const [wanted, has] = [expected, there].map((fact) => (fact === null ? [] : fact.text.split(", ")));
  const fact = expected ?? there;
  if (fact === null || wanted === undefined || has === undefined) return [];
  const missing = wanted.filter((right) => !has.includes(right));
  const extra = has.filter((right) => !wanted.includes(right));
  const base = { kind: "rights", object: `${fact.part_of}${granteeOf(fact)}`, kept: false } as const;
  const text = (rights: readonly string[]): string => rights.join(", ");
  const mend = grants(fact, missing);
  return [
    ...(missing.length === 0
      ? []
      : [{ ...base, state: "missing", expected: text(missing), found: null, fixable: true, mend } as const]),
    ...(extra.length === 0
      ? []
      : [{ ...base, state: "extra", expected: null, found: text(extra), fixable: false, mend: [] } as const]),
  ];
}

function granteeOf({ class: of, name, part_of }: StructureFact): string {
  return of === "schema rights" ? ` ${name}` : name.slice(part_of.length);
}

function grants(fact: StructureFact, rights: readonly string[]): string[] {
  const [, column = "", who = ""] = /^(?: (\(.*\)))? (public|owner|tenant)$/.exec(granteeOf(fact)) ?? [];
  const to = who === "public" ? "PUBLIC" : who === "owner" ? "CURRENT_USER" : TENANT_ROLE;
  const each = (list: readonly string[], tail: string): string[] => {
    if (list.length === 0) return [];
    const what = list
      .map((right) => `${right.replace("*", "")}${column === "" ? "" : ` ${column}`}`)
      .join(", ");
    if (fact.class === "default rights") {
      return [
        `ALTER DEFAULT PRIVILEGES IN SCHEMA ${TENANT_SCHEMA} GRANT ${what} ON ${fact.part_of} TO ${to}${tail}`,
      ];
    }
    const on = fact.class === "schema rights" ? `SCHEMA ${TENANT_SCHEMA}` : fact.part_of;
    return [`GRANT ${what} ON ${on} TO ${to}${tail}`];
  };
  return [
    ...each(
      rights.filter((right) => !right.endsWith("*")),
      "",
    ),
    ...each(
      rights.filter((right) => right.endsWith("*") && who !== "owner"),
      " WITH GRANT OPTION",
    ),
  ];
}
