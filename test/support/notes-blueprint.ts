import { defineBlueprint } from "@tenantry/schema";
import { sql } from "kysely";
import Type from "typebox";

/** A tenant of one table, made in a few milliseconds: for tests that need many tenants. Its first note is its license key. */
export const notes = defineBlueprint({
  name: "notes",
  schemaNaming: { kind: "license-key", prefix: "tenant_" },
  migrations: [
    {
      name: "0001_notes",
      async up(db) {
        await sql`create table notes (
          id integer generated always as identity primary key, body varchar(200) not null)`.execute(db);
      },
    },
  ],
  seed: async (db, { license }) => {
    await db.insertInto("notes").values({ body: license.key }).execute();
  },
  parameters: Type.Object({}, { additionalProperties: false }),
  signIn: false,
});

export interface NotesTables {
  notes: { id: number; body: string };
}

/** What a create-license request needs to be for this blueprint. */
export const NOTES_ORDER = { blueprint: "notes", adminUsername: undefined, adminPassword: undefined };
