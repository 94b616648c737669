import { randomUUIDv7 } from "node:crypto";
import { CONTROL_SCHEMA, type ControlDatabase, type TenantState } from "@tenantry/schema";
import { sql } from "kysely";
import type { TenancyContext } from "../context.ts";
import { type StoredError, TenancyError } from "../errors.ts";
import type { Caller } from "../idempotency.ts";
import { normalizeLicenseKey } from "../license-key.ts";
import { acceptRun, type NewChild, type RunOutcome } from "../run.ts";
import type { OrderBackupsInput } from "./backup-requests.ts";
import { assertBackedUp } from "./order-backup.ts";

export interface OrderBackupsOptions {
  /** Their beginnings are spread evenly over the time that this says for so many. Milliseconds. */
  readonly spreadMs?: (backups: number) => number;
  /** Of everything: what is being backed up already, licenses' ids and null for the control data. */
  readonly spared?: ReadonlySet<string | null>;
  /** What else belongs into the run's commit; what it throws calls the run off. */
  readonly beside?: (transaction: ControlDatabase, runId: string) => Promise<void>;
}

/** Of everything nothing is left that isn't being backed up already. */
export class NothingToBackUpError extends Error {
  override readonly name = "NothingToBackUpError";
}

/** What a child is about. */
interface Wanted {
  /** Null where there is no license of that key. */
  readonly licenseId: string | null;
  /** Null for the control data. */
  readonly licenseKey: string | null;
  readonly state: TenantState | null;
}

/**
 * Accepts backups of many tenants as one run with a child for each. A license that isn't there, or whose tenant has nothing
 * to back up, is that child's failure and holds up no other. Of everything the control data come first: whatever is backed
 * up behind them, they know of.
 *
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED; NothingToBackUpError where all is spared; what `beside` throws.
 */
export function orderBackups(
  ctx: TenancyContext,
  { licenseKeys }: OrderBackupsInput,
  caller: Caller,
  { spreadMs = () => 0, spared = new Set(), beside }: OrderBackupsOptions = {},
): Promise<RunOutcome> {
  const run = {
    kind: "backup",
    step: "backing up",
    input: licenseKeys === null ? { all: true } : {},
  } as const;
  let wanted: readonly Wanted[] = [];
  return acceptRun(
    ctx,
    run,
    caller,
    async (transaction) => {
      wanted =
        licenseKeys === null ? await everything(transaction, spared) : await named(transaction, licenseKeys);
      const step = wanted.length === 0 ? 0 : spreadMs(wanted.length) / wanted.length;
      return wanted.map((each, item) => childOf(each, item, Math.round(step * item)));
    },
    async (transaction, runId, operationIds) => {
      await beside?.(transaction, runId);
      await insertBackups(transaction, wanted, operationIds);
    },
  );
}

async function everything(
  transaction: ControlDatabase,
  spared: ReadonlySet<string | null>,
): Promise<Wanted[]> {
  const tenants = await transaction
    .selectFrom("tenants")
    .innerJoin("licenses", "licenses.id", "tenants.license_id")
    .select(["licenses.id as licenseId", "licenses.key as licenseKey", "tenants.state"])
    .where("tenants.state", "=", "ready")
    .orderBy("tenants.id")
    .execute();
  const all = [{ licenseId: null, licenseKey: null, state: null }, ...tenants];
  const wanted = all.filter(({ licenseId }) => !spared.has(licenseId));
  if (wanted.length === 0) throw new NothingToBackUpError();
  return wanted;
}

async function named(transaction: ControlDatabase, licenseKeys: readonly string[]): Promise<Wanted[]> {
  const keys = licenseKeys.map(normalizeLicenseKey);
  const found = await transaction
    .selectFrom("licenses")
    .innerJoin("tenants", "tenants.license_id", "licenses.id")
    .select(["licenses.id as licenseId", "licenses.key as licenseKey", "tenants.state"])
    .where("licenses.key", "=", sql<string>`any(${keys}::text[])`)
    .execute();
  const byKey = new Map(found.map((each) => [each.licenseKey, each]));
  return keys.map((licenseKey) => byKey.get(licenseKey) ?? { licenseId: null, licenseKey, state: null });
}

function childOf(wanted: Wanted, item: number, delayMs: number): NewChild {
  const { licenseId, licenseKey } = wanted;
  const error = refusal(wanted);
  return {
    kind: "backup",
    licenseId,
    input: licenseKey === null ? { item, control: true } : { item, licenseKey },
    ...(error === null ? { delayMs } : { error }),
  };
}

/** As a request for that license alone would be refused. */
function refusal({ licenseId, licenseKey, state }: Wanted): StoredError | null {
  if (licenseKey === null) return null;
  try {
    assertBackedUp(
      licenseId === null || state === null ? undefined : { license_id: licenseId, key: licenseKey, state },
    );
    return null;
  } catch (error) {
    if (!(error instanceof TenancyError)) throw error;
    return { code: error.code, detail: error.message, hint: error.hint };
  }
}

/** One statement for any number. Those of refused children are gone from the start, until somebody has them done again. */
async function insertBackups(
  transaction: ControlDatabase,
  wanted: readonly Wanted[],
  operationIds: readonly string[],
): Promise<void> {
  if (wanted.length === 0) return;
  const ids = wanted.map(() => randomUUIDv7()).sort();
  const rows = wanted.map((each, item) => ({
    id: ids[item],
    operation_id: operationIds[item],
    license_id: each.licenseId,
    license_key: each.licenseKey,
    gone: refusal(each) !== null,
  }));
  await sql`
    insert into ${sql.id(CONTROL_SCHEMA)}.backups (id, operation_id, kind, license_id, license_key, state, gone_at)
    select id, operation_id, case when license_key is null then 'control' else 'tenant' end, license_id, license_key,
      case when gone then 'gone' else 'making' end, case when gone then now() end
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as given (id uuid, operation_id uuid, license_id uuid, license_key text, gone boolean)`.execute(
    transaction,
  );
}
