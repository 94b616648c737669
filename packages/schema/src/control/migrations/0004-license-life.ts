import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

/** Functions have an empty search path and name what they use: whoever calls them can't slip anything under a name. */
export const licenseLife: NamedMigration = {
  name: "0004_license_life",
  async up(db) {
    // One place for the keys of every kind of request. A key is claimed by the insert that stores it, so two different
    // requests under one key can't both commit, whichever tables they write to.
    await sql`
      create table idempotency_keys (
        api_key_id uuid not null,
        idempotency_key varchar(255) not null,
        primary key (api_key_id, idempotency_key)
      )`.execute(db);
    await sql`
      insert into idempotency_keys (api_key_id, idempotency_key)
        select api_key_id, idempotency_key from operations where idempotency_key is not null
        union
        select api_key_id, idempotency_key from operation_events where idempotency_key is not null`.execute(
      db,
    );
    await sql`
      create function claim_idempotency_key() returns trigger language plpgsql set search_path = '' as $$
      begin
        insert into tenantry.idempotency_keys (api_key_id, idempotency_key)
          values (new.api_key_id, new.idempotency_key);
        return new;
      end $$`.execute(db);

    // Answers are json, not jsonb: a repeated request gets the first answer again to the byte.
    await sql`
      create table license_events (
        id bigint generated always as identity primary key,
        license_id uuid not null references licenses (id),
        at timestamptz not null default clock_timestamp(),
        type varchar(20) not null check (type in
          ('created', 'changed', 'suspended', 'resumed', 'activated', 'deactivated', 'extended', 'deleted')),
        actor varchar(120) not null,
        "from" jsonb not null default '{}',
        "to" jsonb not null default '{}',
        reason text,
        answer json,
        api_key_id uuid references api_keys (id),
        idempotency_key varchar(255),
        request_hash bytea,
        check ((idempotency_key is null) or (api_key_id is not null and request_hash is not null)),
        unique (api_key_id, idempotency_key)
      )`.execute(db);
    await sql`create index on license_events (license_id, id)`.execute(db);
    for (const table of ["operations", "operation_events", "license_events"]) {
      await sql`
        create trigger claim_idempotency_key before insert on ${sql.raw(table)}
          for each row when (new.idempotency_key is not null) execute function claim_idempotency_key()`.execute(
        db,
      );
    }

    await sql`
      create table license_checks (
        id bigint generated always as identity primary key,
        license_id uuid not null references licenses (id),
        at timestamptz not null,
        valid boolean not null,
        status varchar(10) not null,
        reason text,
        ip inet,
        api_key_id uuid references api_keys (id)
      )`.execute(db);
    await sql`create index on license_checks (license_id, at)`.execute(db);

    // The same rule as licenseStatus; a test holds the two together.
    await sql`
      create function license_status(
        is_active boolean, suspended_at timestamptz, expires_at timestamptz, moment timestamptz
      ) returns text language sql immutable
      return case
        when not is_active then 'inactive'
        when suspended_at is not null then 'suspended'
        when expires_at <= moment then 'expired'
        else 'active' end`.execute(db);

    // Found, counted, recorded and answered in one statement. No row for a key that nobody has.
    await sql`
      create function check_license(
        wanted_key text, asked_from inet, asked_with uuid, blueprints_with_users text[],
        out valid boolean, out status text, out reason text, out days_remaining integer,
        out users_used bigint, out users_max integer
      ) returns setof record language plpgsql set search_path = '' as $$
      declare
        moment constant timestamptz := clock_timestamp();
        license record;
        tenant record;
      begin
        select l.id, l.is_active, l.suspended_at, l.suspension_reason, l.expires_at, l.max_users
          into license from tenantry.licenses l where l.key = wanted_key;
        if not found then return; end if;
        select t.state, t.placement, t.blueprint, t.schema_name
          into tenant from tenantry.tenants t where t.license_id = license.id;

        status := tenantry.license_status(license.is_active, license.suspended_at, license.expires_at, moment);
        reason := case status
          when 'inactive' then 'The license is not active.'
          when 'suspended' then coalesce(license.suspension_reason, 'The license is suspended.')
          when 'expired' then 'The license expired at '
            || to_char(license.expires_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '.'
          else case tenant.state
            when 'deleting' then 'The license is being deleted.'
            when 'deleted' then 'The license was deleted.' end
          end;
        valid := reason is null;
        days_remaining := greatest(0, ceil(extract(epoch from license.expires_at - moment) / 86400));
        if license.expires_at is null then days_remaining := null; end if;
        users_max := license.max_users;

        -- Other placements are other servers.
        if tenant.state = 'ready' and tenant.placement = 'default'
          and tenant.blueprint = any (blueprints_with_users) then
          begin
            execute format('select count(*) from %I.users where is_active is not false', tenant.schema_name)
              into users_used;
          exception when invalid_schema_name or undefined_table or undefined_column or insufficient_privilege then
            -- A damaged tenant is the doctor's business; the license can be told all the same.
            users_used := null;
          end;
        end if;

        insert into tenantry.license_checks (license_id, at, valid, status, reason, ip, api_key_id)
          values (license.id, moment, valid, status, reason, asked_from, asked_with);
        return next;
      end $$`.execute(db);

    // For those who keep a license in memory: told at the commit of whatever decides about its use.
    await sql`
      create function announce_license() returns trigger language plpgsql set search_path = '' as $$
      begin
        perform pg_notify('tenantry_license', coalesce(new.id, old.id)::text);
        return null;
      end $$`.execute(db);
    await sql`
      create function announce_license_of_tenant() returns trigger language plpgsql set search_path = '' as $$
      begin
        perform pg_notify('tenantry_license', coalesce(new.license_id, old.license_id)::text);
        return null;
      end $$`.execute(db);
    await sql`
      create trigger announce_changed_license after update on licenses
        for each row when (
          (old.is_active, old.suspended_at, old.expires_at, old.max_users, old.max_branches) is distinct from
          (new.is_active, new.suspended_at, new.expires_at, new.max_users, new.max_branches)
        ) execute function announce_license()`.execute(db);
    await sql`
      create trigger announce_removed_license after delete on licenses
        for each row execute function announce_license()`.execute(db);
    await sql`
      create trigger announce_changed_tenant after update on tenants
        for each row when (
          (old.state, old.schema_name, old.role_name, old.placement) is distinct from
          (new.state, new.schema_name, new.role_name, new.placement)
        ) execute function announce_license_of_tenant()`.execute(db);
    await sql`
      create trigger announce_removed_tenant after delete on tenants
        for each row execute function announce_license_of_tenant()`.execute(db);

    await sql`
      revoke all on function claim_idempotency_key(), announce_license(), announce_license_of_tenant(),
        license_status(boolean, timestamptz, timestamptz, timestamptz),
        check_license(text, inet, uuid, text[]) from public`.execute(db);
  },
};
