import { type ControlDatabase, SQLSTATE, sqlState, violatedConstraint } from "@tenantry/schema";
import Type from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { DEFAULT_PLACEMENT, type TenancyContext } from "./context.ts";
import { createdEvent, type NewTenant, newLicense, newTenant } from "./create-license.ts";
import {
  type CreateLicenseInput,
  CreateLicenseRequest,
  parseCreateLicense,
} from "./create-license-request.ts";
import { REMEDIES, type StoredError, TenancyError, validationError } from "./errors.ts";
import { assertKeyUnused, type Caller } from "./idempotency.ts";
import type { LicenseRow } from "./license-view.ts";
import { type Pace, PaceChoice, paceOf } from "./pace/pace.ts";
import { hashPassword } from "./password.ts";
import { choosePlacements } from "./placement/choose-placement.ts";
import { acceptRun, findAcceptedRun, type NewChild, type RunOutcome } from "./run.ts";
import { schemaFaults } from "./schema-faults.ts";
import { nextSchemaNames } from "./schema-name.ts";

/** Licenses that one request may order. */
export const MAX_LICENSES = 1_000;

/** The body of `POST /v1/licenses/bulk`. What the items hold is each item's own affair. */
export const CreateLicensesRequest = Type.Object(
  {
    licenses: Type.Array(CreateLicenseRequest, { minItems: 1, maxItems: MAX_LICENSES }),
    pace: Type.Optional(PaceChoice),
  },
  { additionalProperties: false },
);

const envelope: Validator = Compile(
  Type.Object(
    {
      licenses: Type.Array(Type.Unknown(), { minItems: 1, maxItems: MAX_LICENSES }),
      pace: Type.Optional(PaceChoice),
    },
    { additionalProperties: false },
  ),
);

/** A bulk order. */
export interface CreateLicensesInput {
  /** Not looked at yet. */
  readonly items: readonly unknown[];
  readonly pace: Pace;
}

/**
 * A bulk order, its items not looked at yet.
 *
 * @throws TenancyError VALIDATION_FAILED when there are none, too many, or something else beside them.
 */
export function parseCreateLicenses(body: unknown): CreateLicensesInput {
  const faults = schemaFaults(envelope, body);
  if (faults.length > 0) throw validationError(faults);
  return { items: (body as { licenses: unknown[] }).licenses, pace: paceOf(body as object) };
}

/**
 * Passwords hashed at once: half of the threads that Node has for such work, so that a sign-in needn't wait for a
 * thousand of them.
 */
const HASHES_AT_ONCE = 2;
/** Rows for one INSERT: a statement takes at most 65,535 parameters. */
const ROWS_AT_ONCE = 250;
/** See createLicense: a key that exists already is a matter of a broken generator. */
const KEY_ATTEMPTS = 5;

/** An item that was found good, with its place in the request. */
interface Order {
  readonly item: number;
  readonly input: CreateLicenseInput;
  readonly passwordHash: string | null;
}

/**
 * Accepts many create-license requests as one run: the run, and a license, a tenant (`provisioning`) and a child for
 * each good item, in one commit. A bad item gets a child that has failed, and no license; it holds up nobody else.
 * Hashing the passwords takes about 25 ms of a processor for each.
 *
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED when the caller's key was used for another request.
 */
export async function createLicenses(
  ctx: TenancyContext,
  { items, pace }: CreateLicensesInput,
  caller: Caller,
): Promise<RunOutcome> {
  const earlier = await findEarlier(ctx, caller);
  if (earlier !== null) return earlier;
  const { good, refused } = sort(ctx, items);
  const orders = await hashPasswords(good);
  const run = { kind: "create-licenses", step: "creating licenses", input: { pace } } as const;
  for (let attempt = 1; ; attempt++) {
    try {
      return await acceptRun(ctx, run, caller, async (transaction) => {
        const accepted = await insertLicenses(ctx, transaction, orders, pace, caller);
        return [...accepted, ...refused].sort((a, b) => a.input.item - b.input.item);
      });
    } catch (error) {
      const keyTaken =
        sqlState(error) === SQLSTATE.uniqueViolation && violatedConstraint(error) === "licenses_key_key";
      if (!keyTaken || attempt === KEY_ATTEMPTS) throw error;
    }
  }
}

/** Asked before seconds of hashing for nothing. */
async function findEarlier(ctx: TenancyContext, caller: Caller): Promise<RunOutcome | null> {
  try {
    await assertKeyUnused(ctx.control, caller);
    return null;
  } catch (error) {
    const winner = await findAcceptedRun(ctx, caller);
    if (winner === null) throw error;
    return winner;
  }
}

interface GoodItem {
  readonly item: number;
  readonly input: CreateLicenseInput;
}

function sort(ctx: TenancyContext, items: readonly unknown[]): { good: GoodItem[]; refused: NewChild[] } {
  const good: GoodItem[] = [];
  const refused: NewChild[] = [];
  const now = new Date();
  for (const [item, body] of items.entries()) {
    try {
      good.push({ item, input: parseCreateLicense(body, ctx.blueprints, now) });
    } catch (error) {
      if (!(error instanceof TenancyError)) throw error;
      refused.push({
        kind: "create-tenant",
        licenseId: null,
        input: { item },
        error: refusal(item, error),
      });
    }
  }
  return { good, refused };
}

/** An item's faults, as pointers into the whole request. */
function refusal(item: number, error: TenancyError): StoredError {
  const { length } = error.faults;
  return {
    code: error.code,
    detail: `Item ${item} of the request has ${length} ${length === 1 ? "fault" : "faults"}. No license was made for it.`,
    hint: `${REMEDIES.VALIDATION_FAILED} Only this item: the others are done.`,
    faults: error.faults.map(({ pointer, detail }) => ({ pointer: `/licenses/${item}${pointer}`, detail })),
  };
}

async function hashPasswords(items: readonly GoodItem[]): Promise<Order[]> {
  const orders: Order[] = [];
  const queue = items.values();
  const lane = async (): Promise<void> => {
    for (const { item, input } of queue) {
      const passwordHash = input.admin === null ? null : await hashPassword(input.admin.password);
      orders.push({ item, input, passwordHash });
    }
  };
  await Promise.all(Array.from({ length: HASHES_AT_ONCE }, lane));
  return orders.sort((a, b) => a.item - b.item);
}

/** Licenses and tenants, in the order of the request. Returns the children that will make them. */
async function insertLicenses(
  ctx: TenancyContext,
  transaction: ControlDatabase,
  orders: readonly Order[],
  pace: Pace,
  caller: Caller,
): Promise<NewChild[]> {
  const now = new Date();
  const made = orders.map(({ item, input, passwordHash }) => ({
    item,
    license: newLicense(input, passwordHash, now),
  }));
  const licenses = made.map(({ license }) => license);
  const tenants = await nameTenants(ctx, transaction, licenses, now);
  for (const rows of chunks(licenses)) {
    const values = rows.map((row) => ({ ...row, parameters: JSON.stringify(row.parameters) }));
    await transaction.insertInto("licenses").values(values).execute();
  }
  for (const rows of chunks(tenants)) await transaction.insertInto("tenants").values(rows).execute();
  for (const rows of chunks(licenses)) {
    const values = rows.map((license) => createdEvent(license, caller));
    await transaction.insertInto("license_events").values(values).execute();
  }
  return made.map(({ item, license }) => ({
    kind: "create-tenant",
    licenseId: license.id,
    input: { item, pace },
  }));
}

/** Blueprints in the order of their names: two runs that count both of two blueprints must not wait for each other. */
async function nameTenants(
  ctx: TenancyContext,
  transaction: ControlDatabase,
  licenses: readonly LicenseRow[],
  now: Date,
): Promise<NewTenant[]> {
  const tenants: NewTenant[] = [];
  const placements = (await choosePlacements(transaction, licenses.length)).values();
  const byBlueprint = Object.entries(Object.groupBy(licenses, ({ blueprint }) => blueprint));
  for (const [name, its = []] of byBlueprint.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const compiled = ctx.blueprints.get(name);
    if (compiled === undefined)
      throw new Error(`a request was found good for blueprint ${name}, which isn't here`);
    const keys = its.map(({ key }) => key);
    const schemas = await nextSchemaNames(transaction, name, compiled.blueprint.schemaNaming, keys);
    for (const [index, license] of its.entries()) {
      tenants.push(
        newTenant(license, schemas[index] ?? "", placements.next().value ?? DEFAULT_PLACEMENT, now),
      );
    }
  }
  return tenants;
}

function* chunks<T>(rows: readonly T[]): Generator<T[]> {
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) yield rows.slice(from, from + ROWS_AT_ONCE);
}
