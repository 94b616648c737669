import { sql } from "kysely";
import { quoteIdentifier } from "../identifier.ts";
import type { AnyKysely, Blueprint, SeedInput } from "./define.ts";
import { revokeFromTenant } from "./tenant-rights.ts";

/** What a license may limit, with the SQLSTATE that a tenant's database refuses the row too many with. */
export const LIMITS = { users: "TN101", branches: "TN102" } as const;
export type LimitName = keyof typeof LIMITS;
export const LIMIT_NAMES = Object.keys(LIMITS) as LimitName[];

/** The rows of a blueprint that a limit of the license counts. */
export interface LimitedTable {
  readonly limit: LimitName;
  readonly table: string;
  /** A boolean column; a row that has it false takes no place. Null where every row counts. */
  readonly activeColumn: string | null;
}

/** One row for each limit; the tenant's role can't see it. Without a row there is no limit. */
export const LIMITS_TABLE = "tenantry_limits";
/** The trigger function that holds the limits, and its triggers on each limited table. */
export const LIMITS_FUNCTION = "tenantry_hold_limit";
export const LIMITS_TRIGGERS = { insert: "tenantry_limit_insert", update: "tenantry_limit_update" } as const;

/** For a migration: makes the table of limits, and has the tenant's database hold them. */
export async function createLimits(db: AnyKysely, limited: readonly LimitedTable[]): Promise<void> {
  await sql
    .raw(`create table ${LIMITS_TABLE} (name varchar(20) primary key, maximum integer not null)`)
    .execute(db);
  await revokeFromTenant(db, "all", LIMITS_TABLE);
  for (const statement of guardStatements(limited)) await sql.raw(statement).execute(db);
}

/** For a seed: writes the license's numbers, after the rows that every tenant starts with. */
export async function seedLimits(
  db: AnyKysely,
  limited: readonly LimitedTable[],
  license: SeedInput["license"],
): Promise<void> {
  const maximum: Readonly<Record<LimitName, number>> = {
    users: license.maxUsers,
    branches: license.maxBranches,
  };
  await db
    .insertInto(LIMITS_TABLE)
    .values(limited.map(({ limit }) => ({ name: limit, maximum: maximum[limit] })))
    .execute();
}

/** The limits that a blueprint's tenants hold; none for most. */
export function limitsOf(blueprint: Pick<Blueprint, "limits">): readonly LimitedTable[] {
  return blueprint.limits ?? [];
}

/** Rows that take a place, as an SQL condition on one of them. */
export function countsCondition({ activeColumn }: LimitedTable, row?: "old" | "new"): string {
  const prefix = row === undefined ? "" : `${row}.`;
  return activeColumn === null ? "true" : `${prefix}${quoteIdentifier(activeColumn)} is not false`;
}

/** Function and triggers, for a schema that is the only one on the path. Leaves no older ones beside them. */
export function guardStatements(limited: readonly LimitedTable[]): string[] {
  return [
    holdLimitFunction(),
    // Only its owner may put it on a table: on one of their own, others could have it run with arguments of theirs.
    `revoke execute on function ${LIMITS_FUNCTION}() from public`,
    ...limited.flatMap(triggerStatements),
  ];
}

/**
 * Inserted rows are looked at once for each statement; a row that is updated only if it takes a place that it hadn't, so
 * that all other updates cost nothing and wait for nobody. (A trigger with a transition table can't have a condition.)
 */
function triggerStatements(limited: LimitedTable): string[] {
  const { limit, table, activeColumn } = limited;
  const call = `${LIMITS_FUNCTION}('${limit}', '${LIMITS[limit]}', '${activeColumn ?? ""}')`;
  const on = quoteIdentifier(table);
  const insert = `create trigger ${LIMITS_TRIGGERS.insert} after insert on ${on}
  referencing new table as arrivals for each statement execute function ${call}`;
  if (activeColumn === null) return [insert];
  return [
    insert,
    `create trigger ${LIMITS_TRIGGERS.update} after update on ${on}
  for each row when (not (${countsCondition(limited, "old")}) and ${countsCondition(limited, "new")})
  execute function ${call}`,
  ];
}

/**
 * Runs as its owner, since the tenant's role can't write the limits. So it is pinned: its path is the system's alone
 * (`pg_temp` is named, because unnamed it would come first), every name that it makes up is quoted and qualified with
 * the schema that its own table is in, whatever that is called by now, and it works for no table outside its own schema.
 *
 * Whoever adds rows changes the limit's row first, so that one waits for the other; then it counts in a statement of its
 * own, which sees what the other committed. Under REPEATABLE READ, where no later statement would see it, the change
 * itself fails (40001), as a mere lock would not. All limits are locked, in the order of their names: transactions that
 * add to several, in whatever order, never wait for each other in a circle.
 */
function holdLimitFunction(): string {
  return `create or replace function ${LIMITS_FUNCTION}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $hold$
declare
  counts constant text := case when tg_argv[2] = '' then 'true' else format('%I is not false', tg_argv[2]) end;
  arrived boolean := true;
  allowed integer;
  used bigint;
begin
  perform from pg_trigger as trigger
    join pg_proc as own on own.oid = trigger.tgfoid
    join pg_class as target on target.oid = trigger.tgrelid and target.relnamespace = own.pronamespace
    where trigger.tgrelid = tg_relid and trigger.tgname = tg_name;
  if not found then
    raise insufficient_privilege using message = 'limits are held in their own schema alone';
  end if;
  if tg_level = 'STATEMENT' then
    execute format('select exists (select from arrivals where %s)', counts) into arrived;
  end if;
  if not arrived then
    return null;
  end if;
  execute format('select from %I.${LIMITS_TABLE} order by name for no key update', tg_table_schema);
  execute format('update %I.${LIMITS_TABLE} set maximum = maximum where name = $1 returning maximum', tg_table_schema)
    into allowed using tg_argv[0];
  if allowed is null then
    return null;
  end if;
  execute format('select count(*) from %I.%I where %s', tg_table_schema, tg_table_name, counts) into used;
  if used > allowed then
    raise exception using
      errcode = tg_argv[1],
      message = format('the license''s limit of %s for %s would be passed: %s', allowed, tg_argv[0], used),
      detail = format('{"limit": "%s", "maximum": %s, "used": %s}', tg_argv[0], allowed, used),
      hint = 'Deactivate others, or raise the limit of the license.',
      schema = tg_table_schema, table = tg_table_name, constraint = format('tenantry_limit_%s', tg_argv[0]);
  end if;
  return null;
end $hold$`;
}
