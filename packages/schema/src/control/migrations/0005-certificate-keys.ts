import { sql } from "kysely";
import type { NamedMigration } from "../../blueprint/define.ts";

export const certificateKeys: NamedMigration = {
  name: "0005_certificate_keys",
  async up(db) {
    // The id is the public key's thumbprint (RFC 7638). A retired key has no salt any more, so nobody signs with it.
    await sql`
      create table certificate_keys (
        id varchar(43) primary key,
        public_key bytea not null check (octet_length(public_key) = 32),
        salt bytea,
        created_at timestamptz not null default now(),
        retired_at timestamptz,
        last_certificate_ends_at timestamptz,
        check ((retired_at is null) = (salt is not null))
      )`.execute(db);
    await sql`create unique index certificate_keys_one_live on certificate_keys ((true)) where retired_at is null`.execute(
      db,
    );
  },
};
