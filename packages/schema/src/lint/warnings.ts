/** What a step may do to tenants in use. */
export type LintCode =
  | "rewrites-table"
  | "not-null-without-default"
  | "set-not-null"
  | "validates-constraint"
  | "builds-index"
  | "drops"
  | "renames"
  | "locks-table"
  | "touches-all-rows"
  | "maintenance"
  | "changes-enum"
  | "unreadable";

export interface LintWarning {
  readonly code: LintCode;
  readonly migration: string;
  /** Its beginning. */
  readonly statement: string;
  readonly why: string;
  readonly saferWay: string;
}

/** A warning before it is known where it stands. */
export type LintFinding = Omit<LintWarning, "migration" | "statement">;

const SAFER: Readonly<Record<Exclude<LintCode, "unreadable">, string>> = {
  "rewrites-table":
    "Add a new column without it, fill it in a later migration in steps or from the application, then use it in place of the old one.",
  "not-null-without-default":
    "Give it a constant default, or add it nullable, fill it, and set NOT NULL in a later migration.",
  "set-not-null":
    "First ADD CONSTRAINT … CHECK (column IS NOT NULL) NOT VALID, VALIDATE CONSTRAINT in the next migration, then SET NOT NULL, which looks at no row.",
  "validates-constraint": "Add it NOT VALID, and VALIDATE CONSTRAINT in the next migration.",
  "builds-index":
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS in a migration of its own that begins with -- tenantry: no-transaction; a key then takes it with USING INDEX.",
  drops: "First release an application that doesn't use it; drop it with a later release.",
  renames:
    "Add what has the new name, let applications use both for a release, then drop the old one; or leave a view under the old name.",
  "locks-table":
    "Leave it out: each statement takes the lock that it needs, and waits no longer than the run allows.",
  "touches-all-rows":
    "Give it a WHERE, so that done twice it does nothing, and few rows at once; or let the application fill it.",
  maintenance: "Leave it to autovacuum and the server's administrator, outside of migrations.",
  "changes-enum":
    "A new value can't be used in the migration that adds it: use it in the next one. Renaming breaks what runs: add another value.",
};

export function finding(code: Exclude<LintCode, "unreadable">, why: string): LintFinding {
  return { code, why, saferWay: SAFER[code] };
}
