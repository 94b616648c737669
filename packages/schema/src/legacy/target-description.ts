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
  /** True when it has triggers of its own for INSERT: they don't fire for imported rows. */
  readonly hasTriggers: boolean;
}

export interface TargetColumn {
  readonly name: string;
  /** `format_type`: `integer`, `numeric(28,12)`, `character varying(64)`, `timestamp with time zone`; a domain's base type. */
  readonly type: string;
  readonly required: boolean;
  /** The default where it is a constant, as text; null where there is none or it is worked out (`now()`, identity). */
  readonly constantDefault: string | null;
  readonly hasDefault: boolean;
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
