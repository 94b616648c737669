/** Which half of a definition a statement goes into by itself; a statement that needs it may draw it forward. */
export type Phase = "before" | "after";

/** The order of a half, where nothing depends on anything. */
export const RANK = {
  type: 0,
  sequence: 1,
  table: 2,
  columnStorage: 3,
  partition: 4,
  ownedSequence: 5,
  function: 10,
  default: 12,
  view: 15,
  constraint: 20,
  index: 30,
  indexPartition: 35,
  foreignKey: 40,
  statistics: 45,
  materializedView: 50,
  viewIndex: 55,
  rule: 60,
  trigger: 65,
  policy: 70,
  setting: 75,
} as const;

/** One object of a schema as the catalog query found it. */
export interface CatalogObject {
  readonly class: string;
  readonly oid: string;
  readonly rank: number;
  readonly phase: Phase;
  /** What its place among those of its rank goes by. */
  readonly sort: string;
  /** As in `COMMENT ON`; null where it can have no comment. */
  readonly target: string | null;
  /** Null for what another object's statement makes. */
  readonly sql: string | null;
  /** Where several such statements one after the other are one: `ALTER TABLE t`, the `sql` being one action of it. */
  readonly head: string | null;
  /** Where PostgreSQL names the schema whatever the path is: that text, to be replaced by `bare`; at its first place. */
  readonly qualified: string | null;
  readonly bare: string | null;
}

/** SQL for one branch of the query that reads objects: the columns of `CatalogObject`. */
export function objectColumns(input: {
  class: string;
  oid: string;
  rank: keyof typeof RANK | { readonly sql: string };
  phase: Phase;
  sort: string;
  target?: string;
  sql?: string;
  head?: string;
  qualified?: string;
  bare?: string;
}): string {
  const rank = typeof input.rank === "string" ? String(RANK[input.rank]) : input.rank.sql;
  return `'${input.class}'::text AS class, (${input.oid})::text AS oid, ${rank} AS rank, '${input.phase}'::text AS phase,
    (${input.sort})::text COLLATE "C" AS sort, (${input.target ?? "NULL"})::text AS target, (${input.sql ?? "NULL"})::text AS sql,
    (${input.head ?? "NULL"})::text AS head, (${input.qualified ?? "NULL"})::text AS qualified, (${input.bare ?? "NULL"})::text AS bare`;
}
