import type { ControlDatabase, LicenseEventType, LicensesTable } from "@tenantry/schema";
import { SQLSTATE, sqlState } from "@tenantry/schema";
import type { Updateable } from "kysely";
import type {
  ChangeLicenseInput,
  ExtendLicenseInput,
  ReasonInput,
  SuspendLicenseInput,
} from "./change-license-request.ts";
import type { TenancyContext } from "./context.ts";
import { TenancyError, validationError } from "./errors.ts";
import { assertKeyUnused, assertSameRequest, type Caller, orKeyReused } from "./idempotency.ts";
import { normalizeLicenseKey } from "./license-key.ts";
import { extendedEnd } from "./license-term.ts";
import { type LicenseVerb, licenseRefusal } from "./license-verbs.ts";
import { type License, type LicenseRow, type TenantRow, toLicense } from "./license-view.ts";
import { changeLimits } from "./limits.ts";

export interface LicenseChange {
  readonly license: License;
  /** True when the same request had been answered before: nothing was done now. */
  readonly replayed: boolean;
}

/**
 * Changes a license's facts: what isn't named stays as it is, also when somebody else changes that at the same time.
 *
 * The tenant's database holds changed limits at once.
 *
 * @throws TenancyError LICENSE_NOT_FOUND; STATE_CONFLICT when it is being deleted, or when more is used than a limit
 * would allow; UNAVAILABLE when the tenant's limits couldn't be changed just now.
 */
export function changeLicense(
  ctx: TenancyContext,
  key: string,
  input: ChangeLicenseInput,
  caller: Caller,
): Promise<LicenseChange> {
  const { clientName, email, phone, company, notes, maxUsers, maxBranches, expiresAt } = input;
  const limits = {
    ...(maxUsers === undefined ? {} : { maxUsers }),
    ...(maxBranches === undefined ? {} : { maxBranches }),
  };
  return change(ctx, key, "change", input, caller, async ({ tenant }) => {
    // Under the license's lock, so that tenant and license see several changes in one order. Before its commit: should
    // that fail, the doctor finds the difference.
    if (tenant !== undefined) await changeLimits(ctx, tenant, limits);
    return {
      ...(clientName === undefined ? {} : { client_name: clientName }),
      ...(email === undefined ? {} : { email }),
      ...(phone === undefined ? {} : { phone }),
      ...(company === undefined ? {} : { company }),
      ...(notes === undefined ? {} : { notes }),
      ...(maxUsers === undefined ? {} : { max_users: maxUsers }),
      ...(maxBranches === undefined ? {} : { max_branches: maxBranches }),
      ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
    };
  });
}

/**
 * Suspends a license: sign-ins and running sessions are refused from the commit on.
 *
 * @throws TenancyError LICENSE_NOT_FOUND; STATE_CONFLICT when it is suspended already.
 */
export function suspendLicense(
  ctx: TenancyContext,
  key: string,
  input: SuspendLicenseInput,
  caller: Caller,
): Promise<LicenseChange> {
  return change(ctx, key, "suspend", input, caller, async ({ now }) => ({
    suspended_at: now,
    suspension_reason: input.reason,
  }));
}

/**
 * Takes a suspension back; sessions that haven't ended meanwhile go on.
 *
 * @throws TenancyError LICENSE_NOT_FOUND; STATE_CONFLICT when it isn't suspended.
 */
export function resumeLicense(
  ctx: TenancyContext,
  key: string,
  input: ReasonInput,
  caller: Caller,
): Promise<LicenseChange> {
  return change(ctx, key, "resume", input, caller, async () => ({
    suspended_at: null,
    suspension_reason: null,
  }));
}

/**
 * Switches an inactive license on. The first time counts as its activation.
 *
 * @throws TenancyError LICENSE_NOT_FOUND; STATE_CONFLICT when it isn't inactive.
 */
export function activateLicense(
  ctx: TenancyContext,
  key: string,
  input: ReasonInput,
  caller: Caller,
): Promise<LicenseChange> {
  return change(ctx, key, "activate", input, caller, async ({ license, now }) => ({
    is_active: true,
    activated_at: license.activated_at ?? now,
  }));
}

/**
 * Switches a license off, without the blame of a suspension.
 *
 * @throws TenancyError LICENSE_NOT_FOUND; STATE_CONFLICT when it is inactive already.
 */
export function deactivateLicense(
  ctx: TenancyContext,
  key: string,
  input: ReasonInput,
  caller: Caller,
): Promise<LicenseChange> {
  return change(ctx, key, "deactivate", input, caller, async () => ({ is_active: false }));
}

/**
 * Puts a license's end off by some days, counted from its end or from now, whichever is later.
 *
 * @throws TenancyError LICENSE_NOT_FOUND; STATE_CONFLICT when it has no end; VALIDATION_FAILED when the end would lie
 * after the year 9999.
 */
export function extendLicense(
  ctx: TenancyContext,
  key: string,
  input: ExtendLicenseInput,
  caller: Caller,
): Promise<LicenseChange> {
  return change(ctx, key, "extend", input, caller, async ({ license, now }) => {
    const end = extendedEnd(license.expires_at ?? now, input.days, now);
    if (end === null) {
      throw validationError([{ pointer: "/days", detail: "would end the license after the year 9999" }]);
    }
    return { expires_at: end };
  });
}

/**
 * The first answer to a change that is repeated, or null. To be asked before the request is looked at: what was good
 * then needn't be good any more.
 *
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED when the caller's key was used for another change.
 */
export async function findLicenseChange(
  control: ControlDatabase,
  caller: Caller,
): Promise<LicenseChange | null> {
  if (caller.idempotency === null || caller.apiKeyId === null) return null;
  const event = await control
    .selectFrom("license_events")
    .select(["request_hash", "answer"])
    .where("api_key_id", "=", caller.apiKeyId)
    .where("idempotency_key", "=", caller.idempotency.key)
    .executeTakeFirst();
  if (event === undefined) return null;
  assertSameRequest(event.request_hash, caller.idempotency);
  return { license: event.answer as License, replayed: true };
}

const EVENT_TYPES: Readonly<Record<LicenseVerb, LicenseEventType>> = {
  change: "changed",
  suspend: "suspended",
  resume: "resumed",
  activate: "activated",
  deactivate: "deactivated",
  extend: "extended",
};

interface Subject {
  readonly license: LicenseRow;
  readonly tenant: TenantRow | undefined;
  readonly now: Date;
}

type Apply = (subject: Subject) => Promise<Updateable<LicensesTable>>;

/**
 * Locks the license, makes the change and its event in one commit, or answers a repeated request as before. Inside a
 * transaction of the caller's (`ctx.control` is one) the commit is the caller's.
 */
async function change(
  ctx: TenancyContext,
  key: string,
  verb: LicenseVerb,
  { reason }: ReasonInput,
  caller: Caller,
  apply: Apply,
): Promise<LicenseChange> {
  const work = async (transaction: ControlDatabase): Promise<LicenseChange> => {
    const { tenant, license } = await lock(transaction, key);
    // Asked under the lock: the same request at the same moment has either committed by now or comes after us.
    const earlier = await findLicenseChange(transaction, caller);
    if (earlier !== null) return earlier;
    await assertKeyUnused(transaction, caller);
    const now = new Date();
    const refusal = licenseRefusal(verb, license, tenant?.state ?? null, now);
    if (refusal !== null) throw new TenancyError("STATE_CONFLICT", refusal.detail, { hint: refusal.hint });
    const changed = await transaction
      .updateTable("licenses")
      .set(await apply({ license, tenant, now }))
      .where("id", "=", license.id)
      .returningAll()
      .executeTakeFirstOrThrow();
    const answer = toLicense(changed, now);
    const { from, to } = differences(toLicense(license, now), answer);
    await transaction
      .insertInto("license_events")
      .values({
        license_id: license.id,
        type: EVENT_TYPES[verb],
        actor: caller.actor,
        from: JSON.stringify(from),
        to: JSON.stringify(to),
        reason: reason ?? null,
        answer: caller.idempotency === null ? null : JSON.stringify(answer),
        api_key_id: caller.idempotency === null ? null : caller.apiKeyId,
        idempotency_key: caller.idempotency?.key ?? null,
        request_hash: caller.idempotency?.requestHash ?? null,
      })
      .execute();
    return { license: answer, replayed: false };
  };
  if (ctx.control.isTransaction) return work(ctx.control);
  try {
    return await ctx.control.transaction().execute(work);
  } catch (error) {
    // Another request under the same key, about another license, was a little faster.
    throw sqlState(error) === SQLSTATE.uniqueViolation ? orKeyReused(error) : error;
  }
}

/**
 * Locks a license, and its tenant in the state it is in: tenant first, in the order of whoever makes or deletes one. What
 * had to be waited for shows in the rows.
 */
async function lock(
  transaction: ControlDatabase,
  key: string,
): Promise<{ tenant: TenantRow | undefined; license: LicenseRow }> {
  const normalized = normalizeLicenseKey(key);
  const tenant = await transaction
    .selectFrom("tenants")
    .selectAll()
    .where("license_id", "=", (eb) => eb.selectFrom("licenses").select("id").where("key", "=", normalized))
    .forShare()
    .executeTakeFirst();
  const license = await transaction
    .selectFrom("licenses")
    .selectAll()
    .where("key", "=", normalized)
    // Checks and events may still refer to it meanwhile.
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (license === undefined) {
    throw new TenancyError("LICENSE_NOT_FOUND", "There is no license with that key.");
  }
  return { tenant, license };
}

/** The fields that two views of a license differ in, before and after; null where one has none. */
function differences(
  before: License,
  after: License,
): { from: Record<string, unknown>; to: Record<string, unknown> } {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof License)[];
  const differing = fields.filter((field) => (before[field] ?? null) !== (after[field] ?? null));
  const pick = (view: License) => Object.fromEntries(differing.map((field) => [field, view[field] ?? null]));
  return { from: pick(before), to: pick(after) };
}
