import { CONTROL_SCHEMA, type ControlDatabase } from "@tenantry/schema";
import { sql } from "kysely";
import { scrubLicenses } from "../erase/scrub-licenses.ts";
import type { StoredError } from "../errors.ts";

export interface ConcludeInput {
  /** Of the rebuilding itself. */
  readonly operationId: string;
  /** The moment that the control data are of. */
  readonly takenAt: string;
  /** What the store's marks of erased licenses are named after: hashes of their ids. */
  readonly erased: readonly string[];
}

const ACTOR = "restore-all";
/** The setting that says what was rebuilt. */
export const REBUILT = "rebuilt";

const INTERRUPTED: StoredError = {
  code: "UNAVAILABLE",
  detail: "The installation was lost while this was under way, and rebuilt out of its backups.",
  hint: "See what it was about; if it is still wanted, run `tenantry operation retry`.",
};

/**
 * Brings control data that come from a backup into accord with a server that has none of their tenants yet, in the transaction
 * that loaded them. Nobody was signed in, nothing is under way, no queue holds a job.
 */
export async function concludeControl(transaction: ControlDatabase, input: ConcludeInput): Promise<void> {
  const schema = sql.id(CONTROL_SCHEMA);
  const isIdle = sql`kind in ('backup', 'verify-backup')`;
  const statements = [
    sql`delete from ${schema}.sessions`,
    sql`delete from ${schema}.ops_sessions`,
    sql`delete from ${schema}.rebuilt_tenants`,
    // What restores and moves had put aside was in no backup.
    sql`delete from ${schema}.kept_schemas`,
    // Nor were schemas that nobody had yet.
    sql`delete from ${schema}.spares`,
    sql`
      update ${schema}.tenants set state = deletions.former_state
      from ${schema}.deletions join ${schema}.operations on operations.id = deletions.operation_id
      where deletions.tenant_id = tenants.id and tenants.state = 'deleting'
        and deletions.drop_began_at is null and operations.state in ('queued', 'running')`,
    // Where a move stood, the servers themselves say.
    sql`
      update ${schema}.moves set closed_at = null
      from ${schema}.operations
      where operations.id = moves.operation_id and operations.state in ('queued', 'running')`,
    // Runs end with their last child. A backup that wasn't finished is nothing that anybody has to look after.
    sql`
      with ended as (
        update ${schema}.operations set
          state = case when ${isIdle} then 'canceled' else 'failed' end,
          error = case when ${isIdle} then null else ${JSON.stringify(INTERRUPTED)}::jsonb end,
          finished_at = now(), message = ${INTERRUPTED.detail},
          worker = null, heartbeat_at = null, enqueued_at = null, cancel_requested_at = null
        where state in ('queued', 'running') and children is null
        returning id, state, error
      )
      insert into ${schema}.operation_events (operation_id, type, actor, data)
      select id, state, ${ACTOR}, case when error is null then '{}' else jsonb_build_object('error', error) end from ended`,
    sql`
      insert into ${schema}.operations (id, kind, state, input, percent, step, message, started_at, finished_at)
      values (${input.operationId}, 'backup', 'succeeded', '{"rebuilt": true}', 100, 'rebuilt',
        ${`Rebuilt out of its backups, control data as of ${input.takenAt}`}, now(), now())`,
    sql`insert into ${schema}.operation_events (operation_id, type, actor) values (${input.operationId}, 'succeeded', ${ACTOR})`,
    sql`
      insert into ${schema}.settings (name, value)
      select ${REBUILT}, jsonb_build_object('operationId', ${input.operationId}::text, 'controlTakenAt', ${input.takenAt}::text,
        'operations', (select count(*) from ${schema}.operations))
      on conflict (name) do update set value = excluded.value`,
  ];
  for (const statement of statements) await statement.execute(transaction);
  await eraseAgain(transaction, input.erased);
  await sql`
    insert into ${schema}.rebuilt_tenants (tenant_id, former_state)
    select id, state from ${schema}.tenants where state in ('ready', 'provisioning')`.execute(transaction);
  await sql`
    update ${schema}.tenants set state = 'failed'
    where id in (select tenant_id from ${schema}.rebuilt_tenants)`.execute(transaction);
}

/** Licenses that were erased after the backup was made, or of which somebody has kept an older one. */
async function eraseAgain(transaction: ControlDatabase, erased: readonly string[]): Promise<void> {
  const schema = sql.id(CONTROL_SCHEMA);
  const { rows } = await sql<{ id: string }>`
    select id from ${schema}.licenses
    where encode(sha256(convert_to(id::text, 'UTF8')), 'hex') = any(${erased}::text[])`.execute(transaction);
  const ids = rows.map(({ id }) => id);
  if (ids.length === 0) return;
  await scrubLicenses(transaction, ids, ACTOR);
  await sql`update ${schema}.tenants set state = 'deleted' where license_id = any(${ids}::uuid[])`.execute(
    transaction,
  );
  await sql`
    update ${schema}.backups set state = 'gone', gone_at = now()
    where license_id = any(${ids}::uuid[]) and state <> 'gone'`.execute(transaction);
}
