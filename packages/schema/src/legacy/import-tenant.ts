import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { SQLSTATE, sqlState } from "../sqlstate.ts";
import { readMarker } from "../tenant/marker.ts";
import {
  completionScript,
  foundationScript,
  lockName,
  nameTaken,
  type ProvisionInput,
} from "../tenant/provision.ts";
import { RefusedError } from "./copy-batch.ts";
import { loadRows } from "./copy-rows.ts";
import { describeTarget } from "./describe-target.ts";
import { checking, ImportConstraintError, ImportRefusedError } from "./import-errors.ts";
import type { ImportPlan, OpenImport, QuarantinedRow, RefusedRow } from "./import-plan.ts";
import type { KeptRows } from "./legacy-system.ts";
import { afterLoadScript, firstKeyChecks, openingScript } from "./load-script.ts";
import { type KeyChecks, TablesOfMany, tablesOfMany } from "./set-aside.ts";
import { setSequences } from "./set-sequences.ts";
import type { TargetDescription } from "./target-description.ts";
import {
  type FoundFigures,
  type ImportedTable,
  PLAIN_TEXT,
  readFigures,
  verifyKeys,
  verifyTables,
} from "./verify-tables.ts";

export interface ImportTenantInput extends Omit<ProvisionInput, "onStep" | "beside"> {
  readonly plan: ImportPlan;
  readonly open: OpenImport;
  /** SQL for when the rows are in and verified: see `LegacyMapping`. */
  readonly afterLoad: readonly string[];
  /** The license's rows from files that aren't its own. */
  readonly kept: readonly KeptRows[];
  /** A (new) try begins: what was quarantined before is forgotten. */
  readonly onTry: () => Promise<void>;
  readonly onQuarantined: (rows: readonly QuarantinedRow[]) => Promise<void>;
  /** Rows of the whole license so far. */
  readonly onProgress: (progress: { readonly table: string; readonly rows: number }) => void;
  /** Asked when all is loaded and verified, with the schema still locked. */
  readonly beforeCommit: (figures: ImportFigures) => Promise<"commit" | "roll-back">;
}

/** What an import came to: the license's certificate of migration. */
export interface ImportFigures {
  readonly tables: readonly ImportedTable[];
  /** Foreign keys that PostgreSQL has checked for every row. */
  readonly foreignKeys: number;
  readonly quarantined: number;
  readonly tries: number;
}

export type ImportOutcome =
  | { readonly kind: "imported"; readonly figures: ImportFigures }
  /** An earlier attempt had committed it: its marker says that it is this very tenant. */
  | { readonly kind: "already-there" }
  | { readonly kind: "name-taken"; readonly what: "schema" | "role" }
  /** `mayProceed` said no; nothing was changed. */
  | { readonly kind: "superseded" }
  /** `beforeCommit` said no; nothing was left. */
  | { readonly kind: "rolled-back"; readonly figures: ImportFigures };

/** Of rows that PostgreSQL may refuse, and of tries to find them. */
const MAX_REFUSED = 1000;
const MAX_TRIES = 100;

/**
 * Waiting is the reader's to bound, which is killed when it stalls; a statement may be the check of some million rows.
 * Of PostgreSQL's own limits only those stay that end with a lost client. One whose machine is gone is missed within a
 * minute: until then the next attempt waits for its lock.
 */
const PATIENCE = [
  "SET LOCAL idle_in_transaction_session_timeout = '30min'",
  "SET LOCAL statement_timeout = '2h'",
  "SET LOCAL tcp_keepalives_idle = 20",
  "SET LOCAL tcp_keepalives_interval = 10",
  "SET LOCAL tcp_keepalives_count = 4",
].join("; ");

/**
 * Makes a tenant and fills it with a license's rows, in one transaction: schema, tables, rows, sequences, limits,
 * verification, marker. The whole verified tenant is there afterwards, or nothing of it.
 *
 * Rows go into the real tables with their constraints in force, but for the foreign keys of tables with many rows, which are
 * made anew when both tables are whole. Rows that PostgreSQL refuses all the same are named to the reader, and the import
 * begins anew without them.
 *
 * @throws VerificationError when what arrived isn't what was read; ImportRefusedError; ImportConstraintError; whatever the
 * reader throws; the driver's error. Nothing is left of the tenant then.
 */
export async function importTenant(pool: Pool, input: ImportTenantInput): Promise<ImportOutcome> {
  const target = await describeTarget(pool, input.blueprint);
  let attempt: Attempt = {
    number: 1,
    refused: [],
    careful: false,
    keys: firstKeyChecks(input.plan, target),
  };
  for (;;) {
    try {
      // Each foreign key that was checked leaves a plan in the connection, and every later change to a catalog looks through
      // all of them: after forty imports one takes four times as long.
      return await withClient(pool, (client) => importOnce(client, input, target, attempt), { reuse: false });
    } catch (error) {
      attempt = nextAttempt(attempt, error);
    }
  }
}

interface Attempt {
  /** From 1. */
  readonly number: number;
  readonly refused: readonly RefusedRow[];
  /** See `LoadInput`. */
  readonly careful: boolean;
  readonly keys: KeyChecks;
}

/** @throws what there is to say when beginning anew would not help */
function nextAttempt({ number, refused: before, keys }: Attempt, error: unknown): Attempt {
  const next = { number: number + 1, careful: true };
  if (error instanceof RefusedError) {
    const refused = [...before, ...error.rows];
    if (refused.length > MAX_REFUSED || number === MAX_TRIES) throw new ImportRefusedError(refused);
    return { ...next, refused, keys };
  }
  if (!(error instanceof ImportConstraintError)) throw error;
  if (keys === "row-by-row" || sqlState(error.cause) !== SQLSTATE.foreignKeyViolation) throw error;
  // Which rows they are shows only when each is looked at.
  return { ...next, refused: before, keys: "row-by-row" };
}

async function importOnce(
  client: PoolClient,
  input: ImportTenantInput,
  target: TargetDescription,
  { number, refused, careful, keys }: Attempt,
): Promise<ImportOutcome> {
  if (await lockName(client, input.schema)) {
    const marker = await readMarker(client, input.schema);
    await client.query("ROLLBACK");
    const ours = marker.kind === "tenant" && marker.tenantId === input.tenantId;
    return ours ? { kind: "already-there" } : { kind: "name-taken", what: "schema" };
  }
  if (!(await input.mayProceed())) {
    await client.query("ROLLBACK");
    return { kind: "superseded" };
  }
  const made = await makeTables(client, input, target);
  if (made !== null) return made;
  const ofMany = await TablesOfMany.setAside(client, input.schema, input.plan, keys);
  await input.onTry();
  const { plan, schema } = input;
  const many = tablesOfMany(plan);
  const found: FoundFigures[] = [];
  const onTableEnd = async (table: number): Promise<void> => {
    const name = plan.tables[table]?.target ?? "";
    await checking(ofMany.giveBack(name));
    // The reader is busy with the next table, and PostgreSQL would wait for it.
    if (many.has(name)) found.push(...(await readFigures(client, { plan, target }, [table], [])));
  };
  const loaded = await loadRows(client, { ...input, target, refused, careful, onTableEnd });
  await checking(client.query("SET CONSTRAINTS ALL IMMEDIATE"));
  const others = plan.tables.flatMap(({ target: name }, place) => (many.has(name) ? [] : place));
  found.push(...(await readFigures(client, { plan, target }, others, loaded.figures)));
  const tables = verifyTables(plan, loaded.figures, found);
  await setSequences(client, { plan, target, schema, found, quarantinedIds: loaded.quarantinedIds });
  await checking(client.query(afterLoadScript(input, target)));
  await verifyKeys(client, schema, target);
  const certificate: ImportFigures = {
    tables,
    foreignKeys: checkedKeys(plan, target),
    quarantined: tables.reduce((sum, table) => sum + table.quarantined, 0),
    tries: number,
  };
  if ((await input.beforeCommit(certificate)) === "roll-back") {
    await client.query("ROLLBACK");
    return { kind: "rolled-back", figures: certificate };
  }
  await client.query(completionScript(input));
  return { kind: "imported", figures: certificate };
}

function checkedKeys(plan: ImportPlan, { tables }: TargetDescription): number {
  const loaded = new Set(plan.tables.map(({ target }) => target));
  return tables.reduce((sum, { name, references }) => sum + (loaded.has(name) ? references.length : 0), 0);
}

/** Null when they are made; else why they can't be. */
async function makeTables(
  client: PoolClient,
  input: ImportTenantInput,
  target: TargetDescription,
): Promise<ImportOutcome | null> {
  try {
    await client.query(
      `${PATIENCE}; ${PLAIN_TEXT};\n${foundationScript(input)}${openingScript(input, target)}`,
    );
    return null;
  } catch (error) {
    const state = sqlState(error);
    if (state !== SQLSTATE.duplicateSchema && state !== SQLSTATE.duplicateObject) throw error;
    await client.query("ROLLBACK");
    const what = nameTaken(error);
    if (what === undefined) throw error;
    return { kind: "name-taken", what };
  }
}
