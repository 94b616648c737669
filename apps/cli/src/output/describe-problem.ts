/** An error as people get to read it. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly faults: readonly string[];
}

/** A trouble that the command line itself names. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

const SQLSTATE_PROBLEMS: Readonly<Record<string, Omit<Problem, "faults">>> = {
  "28P01": {
    code: "DATABASE_LOGIN_REFUSED",
    message: "PostgreSQL refused the user or its password.",
    hint: "Correct DATABASE_URL.",
  },
  "28000": {
    code: "DATABASE_LOGIN_REFUSED",
    message: "PostgreSQL doesn't let this user in.",
    hint: "Correct DATABASE_URL, or the server's pg_hba.conf.",
  },
  "3D000": {
    code: "DATABASE_MISSING",
    message: "The database that DATABASE_URL names is not there.",
    hint: "Create it (`createdb`), or correct DATABASE_URL.",
  },
  "42501": {
    code: "DATABASE_RIGHTS",
    message: "PostgreSQL's user lacks a right that Tenantry needs.",
    hint: "Its login must own the database, or may create schemas in it, and have CREATEROLE.",
  },
};

/** Names an error's code, message and remedy. Loads what it needs of the packages only for errors of theirs. */
export async function describeProblem(error: unknown): Promise<Problem> {
  if (!(error instanceof Error)) return internal(String(error));
  const code: unknown = Reflect.get(error, "code");
  if (error.name === "ConfigError") {
    const faults: unknown = Reflect.get(error, "faults");
    return {
      code: String(code),
      message: "The environment is wrong.",
      hint: "Correct these variables, or unset them to get the default.",
      faults: Array.isArray(faults) ? faults.map(String) : [],
    };
  }
  if (error.name === "QueueUnavailableError") {
    return {
      code: String(code),
      message: error.message,
      hint: "See whether the queue's server is up (REDIS_URL). What was accepted stays accepted.",
      faults: [],
    };
  }
  if (typeof code === "string" && /^[A-Z]+(_[A-Z]+)+$/.test(code) && "hint" in error) {
    // Of one that lists its faults in its message, too.
    const message = "headline" in error ? String(error.headline) : error.message;
    return { code, message, hint: String(error.hint), faults: faultLines(error) };
  }
  return describeDatabaseError(error);
}

async function describeDatabaseError(error: Error): Promise<Problem> {
  const { isConnectionLoss, sqlState } = await import("@tenantry/schema");
  if (isConnectionLoss(error)) {
    return {
      code: "UNAVAILABLE",
      message: "PostgreSQL can't be reached, or broke the connection off.",
      hint: "See whether the server of DATABASE_URL is up and takes connections, then try again.",
      faults: [],
    };
  }
  const known = SQLSTATE_PROBLEMS[sqlState(error) ?? ""];
  return known === undefined ? internal(error.message) : { ...known, faults: [] };
}

function internal(message: string): Problem {
  return {
    code: "INTERNAL",
    message,
    hint: "Run it again with LOG_LEVEL=debug to see where; if it happens again, report it.",
    faults: [],
  };
}

/** Of a TenancyError `{pointer, detail}`, of others plain lines. */
function faultLines(error: Error): string[] {
  const faults: unknown = Reflect.get(error, "faults");
  if (!Array.isArray(faults)) return [];
  return faults.map((fault) =>
    typeof fault === "string" ? fault : `${Reflect.get(fault, "pointer")} ${Reflect.get(fault, "detail")}`,
  );
}
