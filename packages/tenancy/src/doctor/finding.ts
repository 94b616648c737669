/** Something that may be done about a problem without risk to anybody's data. */
export interface Fix {
  /** What it does, as an order: `Grant USAGE on schema …`. */
  readonly describe: string;
  /** True when it starts work again, so that somebody should say yes to it. */
  readonly asks: boolean;
  /** Does it. Returns the operations that it set going, which then have to be worked on. */
  readonly apply: () => Promise<FixOutcome>;
}

export interface FixOutcome {
  readonly operationIds: readonly string[];
}

/** What one check of the doctor's came to. */
export interface Finding {
  /** What was looked at: `role`, `schema`, `queue`. */
  readonly check: string;
  readonly severity: "ok" | "problem";
  readonly detail: string;
  /** What mends it; null when nothing is wrong. */
  readonly remedy: string | null;
  readonly fix?: Fix;
}

/** What is to be done about something that only a backup of the tenant still has. */
export const RESTORE_REMEDY =
  "Find out who removed it. `tenantry backup list --license KEY` names the backups, and `tenantry backup restore ID --replace` puts one back.";

export function ok(check: string, detail: string): Finding {
  return { check, severity: "ok", detail, remedy: null };
}

export function problem(check: string, detail: string, remedy: string, fix?: Fix): Finding {
  return { check, severity: "problem", detail, remedy, ...(fix === undefined ? {} : { fix }) };
}

/** A fix that is over when it has been applied. */
export function simpleFix(describe: string, apply: () => Promise<unknown>): Fix {
  return {
    describe,
    asks: false,
    apply: async () => {
      await apply();
      return { operationIds: [] };
    },
  };
}
