import type { ControlDatabase } from "@tenantry/schema";
import {
  type BulkChange,
  type ChangeLicensesInput,
  type LicenseSelection,
  MAX_CHANGES,
} from "./change-licenses-request.ts";
import type { TenancyContext } from "./context.ts";
import { validationError } from "./errors.ts";
import type { Caller } from "./idempotency.ts";
import { filteredLicenses } from "./licenses.ts";
import { acceptRun, type NewChild, type RunOutcome } from "./run.ts";

/** What a run of changes keeps for its children: they read it there, so that a reason is stored once. */
export interface ChangeRunInput {
  readonly change: BulkChange;
  /** Who asked, for each license's history. */
  readonly actor: string;
}

const STEPS = {
  suspend: "suspending licenses",
  resume: "resuming licenses",
  extend: "extending licenses",
} as const;

/**
 * Accepts a change of many licenses as one run with a child for each. A filter says which licenses at this moment. What
 * doesn't fit a license, or a key that nobody has, is that child's failure and holds up no other. Where a filter fits
 * none, the run has ended at once.
 *
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED; VALIDATION_FAILED when a filter fits too many.
 */
export function changeLicenses(
  ctx: TenancyContext,
  { selection, change }: ChangeLicensesInput,
  caller: Caller,
): Promise<RunOutcome> {
  const input: ChangeRunInput = { change, actor: caller.actor };
  const run = { kind: "change-licenses", step: STEPS[change.verb], input: { ...input } } as const;
  return acceptRun(ctx, run, caller, async (transaction) => {
    const licenses = await select(transaction, selection);
    return licenses.map(
      ({ id, key }, item): NewChild => ({
        kind: "change-license",
        licenseId: id,
        input: { item, licenseKey: key },
      }),
    );
  });
}

interface Selected {
  /** Null when there is no license of that key. */
  readonly id: string | null;
  readonly key: string;
}

async function select(
  transaction: ControlDatabase,
  selection: LicenseSelection,
): Promise<readonly Selected[]> {
  if ("licenseKeys" in selection) {
    const { licenseKeys } = selection;
    const found = await transaction
      .selectFrom("licenses")
      .select(["id", "key"])
      .where("key", "in", licenseKeys)
      .execute();
    const ids = new Map(found.map(({ id, key }) => [key, id]));
    return licenseKeys.map((key) => ({ key, id: ids.get(key) ?? null }));
  }
  const licenses = await filteredLicenses(transaction, selection.filter, new Date())
    .select(["id", "key"])
    .orderBy("id")
    .limit(MAX_CHANGES + 1)
    .execute();
  if (licenses.length > MAX_CHANGES) {
    throw validationError([
      {
        pointer: "/filter",
        detail: `fits more than ${MAX_CHANGES} licenses, which is the most for one request: narrow it`,
      },
    ]);
  }
  return licenses;
}
