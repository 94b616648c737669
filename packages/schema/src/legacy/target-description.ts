/** The tables of a blueprint as PostgreSQL made them: what a plan is made for. Read once for each version of a blueprint. */
export interface TargetDescription {
  readonly blueprint: string;
  readonly tables: readonly TargetTable[];
}

export interface TargetTable {
  readonly name: string;
  readonly columns: readonly TargetColumn[];
  readonly primaryKey: readonly string[];
  /** Unique constraints and indexes without a condition, the primary key among them. */
  readonly unique: readonly (readonly string[])[];
  readonly references: readonly TargetReference[];
  /** Rows that the blueprint's common seed puts there, by the primary key as text, where that is one column. */
  readonly seeded: readonly string[];
  /** Left out: what `seeded` says. A table whose key isn't one column has rows that `seeded` can't name. */
  readonly hasRows?: boolean;
  /** True when it has triggers of its own that fire: they don't for imported rows. */
  readonly hasTriggers: boolean;
  /** Those of them that don't just fire as triggers do, and how ALTER TABLE says it. Left out: none. */
  readonly oddTriggers?: readonly {
    readonly name: string;
    readonly mode: "DISABLE" | "ENABLE ALWAYS" | "ENABLE REPLICA";
  }[];
  /** What an error of PostgreSQL names: constraints and unique indexes. Left out: none is known. */
  readonly rules?: readonly TargetRule[];
}

export interface TargetRule {
  readonly name: string;
  /** The columns that it looks at; of a generated one those that it is worked out from. */
  readonly columns: readonly string[];
}

export interface TargetColumn {
  readonly name: string;
  /** `format_type`: `integer`, `numeric(28,12)`, `character varying(64)`, `timestamp with time zone`; a domain's base type. */
  readonly type: string;
  readonly required: boolean;
  /** The default where it is a constant, as text; null where there is none or it is worked out (`now()`, identity). */
  readonly constantDefault: string | null;
  readonly hasDefault: boolean;
  /** An identity or serial column: numbered from a sequence of its own. */
  readonly identity: boolean;
  /** PostgreSQL works it out; it can't be given. */
  readonly generated: boolean;
  /** From CHECK constraints of this one column, also its domain's, as far as they have a simple form. */
  readonly oneOf: readonly string[] | null;
  readonly least: string | null;
  readonly most: string | null;
}

export interface TargetReference {
  readonly columns: readonly string[];
  readonly table: string;
  readonly targetColumns: readonly string[];
  readonly constraint: string;
  readonly deferrable: boolean;
}
