import type { Difference, MendableDifference } from "./difference.ts";
import { factKey } from "./fact-key.ts";
import { factKind, tableOf } from "./fact-kind.ts";
import { mendMissing, mendRights } from "./mend-missing.ts";
import type { StructureReference } from "./reference.ts";
import type { StructureFact } from "./structure.ts";

/** An import keeps tables of this name for what its blueprint has no place for. */
const KEPT = /^"?legacy_/;

/** What other objects are made of. */
const BASES: ReadonlySet<string> = new Set(["table", "column", "type", "sequence"]);
/** A name as PostgreSQL prints it. */
const WORD = /"(?:[^"]|"")*"|[\w$\u0080-\uffff]+/g;

/** What belongs to an object and comes and goes with it. */
const OF_A_COLUMN = new Set(["default", "not null", "pg_attrdef"]);

/**
 * Compares a schema's facts with those that its version should have, object by object. What belongs to a table that is missing
 * or extra isn't told one by one.
 */
export function compareStructures(
  reference: StructureReference,
  facts: readonly StructureFact[],
): MendableDifference[] {
  const found = new Map(facts.map((fact) => [factKey(fact), fact]));
  const absent = (from: ReadonlyMap<string, StructureFact>, other: ReadonlyMap<string, StructureFact>) =>
    [...from.values()].filter((fact) => !other.has(factKey(fact)));
  const missing = absent(reference.facts, found);
  const extra = absent(found, reference.facts);
  const changed = [...reference.facts].flatMap(([key, expected]) => {
    const there = found.get(key);
    return there === undefined || there.compared === expected.compared ? [] : [{ expected, there }];
  });
  return onSoundGround([
    ...told(missing, facts).flatMap((fact) =>
      fact.class.endsWith("rights")
        ? mendRights(fact, null)
        : [difference(fact, null, mendMissing(reference, fact, null))],
    ),
    ...changed.flatMap(({ expected, there }) =>
      expected.class.endsWith("rights")
        ? mendRights(expected, there)
        : [difference(expected, there, mendMissing(reference, expected, there))],
    ),
    ...told(extra, [...reference.facts.values()]).flatMap((fact) =>
      fact.class.endsWith("rights") ? mendRights(null, fact) : [difference(null, fact, [])],
    ),
  ]);
}

/** What can't be made stays missing, and with it what names it: to try would fail, and nothing else be mended. */
function onSoundGround(differences: readonly MendableDifference[]): MendableDifference[] {
  const lost = differences.flatMap(({ kind, object, state, fixable }) =>
    state === "missing" && !fixable && BASES.has(kind) ? [object.replace(/^[A-Z]+ /, "")] : [],
  );
  return differences.map((each) =>
    each.mend.some((statement) => lost.some((name) => mentions(statement, name)))
      ? { ...each, mend: [], fixable: false }
      : each,
  );
}

/** Whether all parts of a name stand in a statement, as words. */
function mentions(statement: string, name: string): boolean {
  const words = new Set(statement.match(WORD));
  return (name.match(WORD) ?? []).every((part) => words.has(part));
}

/** Without what belongs to something that is absent as a whole. */
function told(absent: readonly StructureFact[], other: readonly StructureFact[]): StructureFact[] {
  const tables = new Set(absent.flatMap((fact) => (fact.class === "table" ? [fact.name] : [])));
  const columns = new Set(absent.flatMap((fact) => (fact.class === "column" ? [fact.name] : [])));
  const columnOf = ({ class: of, name }: StructureFact): string =>
    of === "pg_attrdef" ? name.replace(" ", ".") : name;
  // Its owner has rights on everything that is there.
  const targets = new Set(other.flatMap((fact) => (fact.class === "rights" ? [fact.part_of] : [])));
  return absent.filter((fact) => {
    if (fact.class === "rights") return targets.has(fact.part_of);
    if (OF_A_COLUMN.has(fact.class) && columns.has(columnOf(fact))) return false;
    return fact.class === "table" || !tables.has(tableOf(fact));
  });
}

function difference(
  expected: StructureFact | null,
  there: StructureFact | null,
  mend: readonly string[],
): MendableDifference {
  const fact = expected ?? there;
  if (fact === null) throw new Error("a difference is between something and something");
  const shown = (text: string | undefined): string | null => (text === undefined ? null : text.trim());
  const base: Difference = {
    kind: factKind(fact),
    object: fact.name,
    state: there === null ? "missing" : expected === null ? "extra" : "changed",
    expected: shown(expected?.text),
    found: shown(there?.text),
    fixable: mend.length > 0,
    kept: expected === null && fact.class === "table" && KEPT.test(fact.name),
  };
  return { ...base, mend };
}
