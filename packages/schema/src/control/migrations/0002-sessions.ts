import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

export const sessions: NamedMigration = {
  name: "0002_sessions",
  async up(db) {
    await sql`
      create table sessions (
        id uuid primary key,
        token_hash bytea not null unique,
        license_id uuid not null references licenses (id),
        user_id bigint not null,
        created_at timestamptz not null default now(),
        expires_at timestamptz not null
      )`.execute(db);
    await sql`create index on sessions (license_id)`.execute(db);
    await sql`create index on sessions (expires_at)`.execute(db);

    // Keyed by a hash of license key and username as they were typed, whether either exists or not: a lockout must not
    // tell an outsider that a user is there.
    await sql`
      create table login_attempts (
        subject bytea primary key,
        failures integer not null,
        last_failure_at timestamptz not null,
        locked_until timestamptz
      )`.execute(db);
    await sql`create index on login_attempts (last_failure_at)`.execute(db);

    await sql`
      create table ops_sessions (
        token_hash bytea primary key,
        username varchar(100) not null,
        created_at timestamptz not null default now(),
        expires_at timestamptz not null
      )`.execute(db);

    await sql`
      create table settings (
        name varchar(63) primary key,
        value jsonb not null
      )`.execute(db);
  },
};
