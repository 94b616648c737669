import { defineBlueprint } from "@tenantry/schema";
import { sql } from "kysely";
import Type from "typebox";

/** A blueprint of one table, for tests that need many tenants soon. Its tenants have no sign-in. */
export const tiny = defineBlueprint({
  name: "tiny",
  schemaNaming: { kind: "sequence", prefix: "client_", digits: 3 },
  migrations: [
    { name: "0001_items", up: async (db) => void (await sql`create table items (id int)`.execute(db)) },
  ],
  seed: async () => undefined,
  parameters: Type.Object({}, { additionalProperties: false }),
  signIn: false,
});
