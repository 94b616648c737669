import { randomUUIDv7 } from "node:crypto";
import {
  type CompiledBlueprint,
  type ControlDatabase,
  SQLSTATE,
  sqlState,
  violatedConstraint,
} from "@tenantry/schema";
import { DEFAULT_PLACEMENT, type TenancyContext } from "./context.ts";
import type { CreateLicenseInput } from "./create-license-request.ts";
import { TenancyError } from "./errors.ts";
import { assertSameRequest, type Caller, orKeyReused } from "./idempotency.ts";
import { generateLicenseKey } from "./license-key.ts";
import { licenseEnd } from "./license-term.ts";
import {
  type License,
  type LicenseRow,
  type Tenant,
  type TenantRow,
  toLicense,
  toTenant,
} from "./license-view.ts";
import { type LabelledOperationRow, type Operation, toOperation } from "./operation-view.ts";
import type { OutboxEntry } from "./outbox.ts";
import { hashPassword } from "./password.ts";
import { choosePlacements } from "./placement/choose-placement.ts";
import { nextSchemaName, roleName } from "./schema-name.ts";

export interface CreateLicenseAnswer {
  readonly license: License;
  readonly tenant: Tenant;
  readonly operation: Operation;
}

export interface CreateLicenseOutcome {
  readonly answer: CreateLicenseAnswer;
  /** True when the same request had been accepted before: nothing was done now. */
  readonly replayed: boolean;
  /** What the queue has to know to ring for it. */
  readonly entry: OutboxEntry;
}

/** A key of 80 random bits meets another once in an age; more often means that the generator is broken. */
const KEY_ATTEMPTS = 5;

/**
 * Accepts a create-license request: license, tenant (`provisioning`) and operation, in one commit. The work itself is a
 * worker's; the caller enqueues the operation.
 *
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED when the caller's key was used for another request.
 */
export async function createLicense(
  ctx: TenancyContext,
  input: CreateLicenseInput,
  caller: Caller,
): Promise<CreateLicenseOutcome> {
  const blueprint = ctx.blueprints.get(input.blueprint);
  if (blueprint === undefined) {
    throw new TenancyError("BLUEPRINT_UNKNOWN", `There is no blueprint ${input.blueprint} here.`);
  }
  const passwordHash = input.admin === null ? null : await hashPassword(input.admin.password);
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await accept(ctx, input, caller, blueprint, passwordHash);
      return { answer, replayed: false, entry: toEntry(answer) };
    } catch (error) {
      if (sqlState(error) !== SQLSTATE.uniqueViolation) throw error;
      // The same request, at the same moment, was a little faster: its commit is what we collided with.
      const winner = await findAcceptedLicense(ctx, caller);
      if (winner !== null) return winner;
      const keyTaken = violatedConstraint(error) === "licenses_key_key";
      if (!keyTaken || attempt === KEY_ATTEMPTS) throw orKeyReused(error);
    }
  }
}

/**
 * The first answer to a request that is repeated, or null. To be asked before the request is looked at: what was good
 * when it was accepted, an end of the license in the future say, needn't be good any more.
 *
 * @throws TenancyError IDEMPOTENCY_KEY_REUSED when the caller's key was used for another request.
 */
export async function findAcceptedLicense(
  ctx: TenancyContext,
  caller: Caller,
): Promise<CreateLicenseOutcome | null> {
  if (caller.idempotency === null || caller.apiKeyId === null) return null;
  const operation = await ctx.control
    .selectFrom("operations")
    .select(["request_hash", "answer"])
    .where("api_key_id", "=", caller.apiKeyId)
    .where("idempotency_key", "=", caller.idempotency.key)
    .executeTakeFirst();
  if (operation === undefined) return null;
  assertSameRequest(operation.request_hash, caller.idempotency);
  const answer = operation.answer as CreateLicenseAnswer;
  return { answer, replayed: true, entry: toEntry(answer) };
}

function toEntry({ license, tenant, operation }: CreateLicenseAnswer): OutboxEntry {
  return {
    id: operation.id,
    kind: operation.kind,
    licenseKey: license.key,
    clientName: license.clientName,
    schema: tenant.schema,
    runId: null,
    delayMs: 0,
  };
}

async function accept(
  ctx: TenancyContext,
  input: CreateLicenseInput,
  caller: Caller,
  { blueprint }: CompiledBlueprint,
  passwordHash: string | null,
): Promise<CreateLicenseAnswer> {
  const now = new Date();
  const license = newLicense(input, passwordHash, now);
  const insert = async (control: ControlDatabase): Promise<CreateLicenseAnswer> => {
    const schema = await nextSchemaName(control, blueprint.name, blueprint.schemaNaming, license.key);
    const [placement = DEFAULT_PLACEMENT] = await choosePlacements(control, 1);
    const tenant = newTenant(license, schema, placement, now);
    const operation = newOperation(license, caller, now);
    const answer = {
      license: toLicense(license, now),
      tenant: toTenant(tenant),
      operation: toOperation(operation),
    };
    const { license_key: _, children_running: __, ...operationRow } = operation;
    await control
      .with("license", (db) =>
        db.insertInto("licenses").values({ ...license, parameters: JSON.stringify(license.parameters) }),
      )
      .with("tenant", (db) => db.insertInto("tenants").values(tenant))
      .with("operation", (db) =>
        db.insertInto("operations").values({
          ...operationRow,
          answer: JSON.stringify(answer),
          input: JSON.stringify(operationRow.input),
          result: null,
          error: null,
        }),
      )
      .with("license_event", (db) => db.insertInto("license_events").values(createdEvent(license, caller)))
      .insertInto("operation_events")
      .values({ operation_id: operation.id, type: "accepted", actor: caller.actor })
      .execute();
    return answer;
  };
  // One statement is its own transaction; only a counter has to be held until the commit.
  return blueprint.schemaNaming.kind === "sequence"
    ? ctx.control.transaction().execute(insert)
    : insert(ctx.control);
}

/** The license as it is when it is accepted. */
export function newLicense(input: CreateLicenseInput, passwordHash: string | null, now: Date): LicenseRow {
  return {
    id: randomUUIDv7(),
    key: generateLicenseKey(),
    client_name: input.clientName,
    email: input.email,
    phone: input.phone,
    company: input.company,
    license_type: input.licenseType,
    max_users: input.maxUsers,
    max_branches: input.maxBranches,
    blueprint: input.blueprint,
    parameters: input.parameters,
    is_active: true,
    suspended_at: null,
    suspension_reason: null,
    notes: input.notes,
    admin_username: input.admin?.username ?? null,
    admin_password_hash: passwordHash,
    created_at: now,
    activated_at: null,
    expires_at: licenseEnd(input, now),
    erased_at: null,
  };
}

/** The first line of the license's history. */
export function createdEvent(license: LicenseRow, caller: Caller) {
  const sold = {
    clientName: license.client_name,
    licenseType: license.license_type,
    blueprint: license.blueprint,
    maxUsers: license.max_users,
    maxBranches: license.max_branches,
    expiresAt: license.expires_at,
  };
  return {
    license_id: license.id,
    type: "created" as const,
    actor: caller.actor,
    to: JSON.stringify(sold),
  };
}

/** A tenant's row, but for what the database fills in. */
export type NewTenant = Omit<TenantRow, "ordinal" | "access_version">;

/** The tenant that a license will own. */
export function newTenant(license: LicenseRow, schema: string, placement: string, now: Date): NewTenant {
  const id = randomUUIDv7();
  return {
    id,
    license_id: license.id,
    blueprint: license.blueprint,
    version: null,
    schema_name: schema,
    role_name: roleName(schema, id),
    placement,
    state: "provisioning",
    created_at: now,
    ready_at: null,
  };
}

function newOperation(license: LicenseRow, caller: Caller, now: Date): LabelledOperationRow {
  return {
    id: randomUUIDv7(),
    kind: "create-tenant",
    state: "queued",
    license_id: license.id,
    license_key: license.key,
    parent_id: null,
    api_key_id: caller.apiKeyId,
    idempotency_key: caller.idempotency?.key ?? null,
    request_hash: caller.idempotency?.requestHash ?? null,
    answer: null,
    input: {},
    attempts: 0,
    attempts_before: 0,
    worker: null,
    heartbeat_at: null,
    available_at: now,
    enqueued_at: null,
    cancel_requested_at: null,
    revision: 0,
    percent: 0,
    step: "queued",
    message: "Waiting for a worker",
    done: "0",
    total: "0",
    result: null,
    error: null,
    children: null,
    children_succeeded: 0,
    children_failed: 0,
    children_canceled: 0,
    children_running: null,
    created_at: now,
    started_at: null,
    finished_at: null,
  };
}
