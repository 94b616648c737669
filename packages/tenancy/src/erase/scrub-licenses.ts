import { CONTROL_SCHEMA, type ControlDatabase, type OperationKind } from "@tenantry/schema";
import { type RawBuilder, sql } from "kysely";
import type { TenancyContext } from "../context.ts";

/** What stands for a name that has to be there. */
const ERASED = "erased";
/** How the API would tell of a license that nobody knows anything of. */
const BLANK_LICENSE = JSON.stringify({
  clientName: ERASED,
  email: null,
  phone: null,
  company: null,
  notes: null,
  suspensionReason: null,
});
/** Of an operation's input: what says which license and what work, and nothing of the client. */
const KEPT_INPUT = ["item", "licenseKey", "backupId", "control", "imported"];

/**
 * Takes all that tells of their clients out of the control data of some licenses; what stays of them is a tombstone: the key,
 * what was sold and when, and what was done by whom. In the caller's transaction, which holds the tables that a backup of
 * control data reads: no such backup is of a moment before and recorded after.
 */
export async function scrubLicenses(
  transaction: ControlDatabase,
  licenseIds: readonly string[],
  actor: string,
): Promise<void> {
  const schema = sql.id(CONTROL_SCHEMA);
  const ids = sql`any(${licenseIds}::uuid[])`;
  // The answers are given again to whoever repeats a request: they keep their form.
  const blanked = (answer: "answer" | "result") => sql`
    case when ${sql.id(answer)}::jsonb ? 'clientName' then ${sql.id(answer)}::jsonb || ${BLANK_LICENSE}::jsonb
      when ${sql.id(answer)}::jsonb -> 'license' ? 'clientName'
        then jsonb_set(${sql.id(answer)}::jsonb, '{license}', ${sql.id(answer)}::jsonb -> 'license' || ${BLANK_LICENSE}::jsonb)
      else ${sql.id(answer)}::jsonb end`;
  const items = itemsOf(ids);
  await sql`
    update ${schema}.operations set
      answer = (${blanked("answer")})::json,
      result = ${blanked("result")},
      input = coalesce((select jsonb_object_agg(key, value) from jsonb_each(input) where key = any(${KEPT_INPUT}::text[])), '{}')
    where license_id = ${ids} or id in (select operation_id from (${items}) as item)`.execute(transaction);
  await sql`delete from ${schema}.quarantined_rows where item_id in (select id from (${items}) as item)`.execute(
    transaction,
  );
  await sql`
    update ${schema}.legacy_items set
      name = ${ERASED}, source = ${ERASED}, client_name = ${ERASED}, facts = null, admin_password_hash = null, kept = null,
      file = null, description = null, planned = null, report = null, notes = '[]',
      error = case when refused then jsonb_build_object('code', error -> 'code', 'detail', '', 'hint', '') end
    where id in (select id from (${items}) as item)`.execute(transaction);
  await sql`
    update ${schema}.license_events set "from" = '{}', "to" = '{}', reason = null, answer = (${blanked("answer")})::json
    where license_id = ${ids}`.execute(transaction);
  await sql`update ${schema}.license_checks set ip = null, reason = null where license_id = ${ids}`.execute(
    transaction,
  );
  await sql`delete from ${schema}.sessions where license_id = ${ids}`.execute(transaction);
  await sql`
    with erased as (
      update ${schema}.licenses set
        client_name = ${ERASED}, email = null, phone = null, company = null, notes = null, suspension_reason = null,
        parameters = '{}', admin_username = null, admin_password_hash = null, is_active = false,
        erased_at = clock_timestamp()
      where id = ${ids} and not exists (
        select from ${schema}.license_events as event where event.license_id = licenses.id and event.type = 'erased')
      returning id
    )
    insert into ${schema}.license_events (license_id, type, actor) select id, 'erased', ${actor}::text from erased`.execute(
    transaction,
  );
}

/** Of legacy runs, those that became one of the licenses, or tell of it. */
function itemsOf(licenseIds: RawBuilder<unknown>) {
  const schema = sql.id(CONTROL_SCHEMA);
  return sql`
    select item.id, item.operation_id from ${schema}.legacy_items as item
    left join ${schema}.tenants as tenant on tenant.id = item.tenant_id
    join ${schema}.licenses as license on license.id = tenant.license_id or license.key = item.license_key
    where license.id = ${licenseIds}`;
}

/** All that was ever done with a license, a legacy run's part of it included. */
export async function operationsOfLicense(
  ctx: TenancyContext,
  licenseKey: string,
): Promise<{ readonly id: string; readonly kind: OperationKind }[]> {
  const schema = sql.id(CONTROL_SCHEMA);
  const license = sql`any(select id from ${schema}.licenses where key = ${licenseKey})`;
  const { rows } = await sql<{ id: string; kind: OperationKind }>`
    select id, kind from ${schema}.operations
    where license_id = ${license} or id in (select operation_id from (${itemsOf(license)}) as item)`.execute(
    ctx.control,
  );
  return rows;
}
