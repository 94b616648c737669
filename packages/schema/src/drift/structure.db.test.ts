import { randomBytes } from "node:crypto";
import type { Client } from "pg";
import { describe, expect, it } from "vitest";
import { createTestDatabase, withAdmin } from "../../../../test/support/database.ts";
import { roleSettingScript } from "../blueprint/tenant-rights.ts";
import { quoteIdentifier } from "../identifier.ts";
import type { PoolClient } from "../pool.ts";
import { readDefinition } from "../snapshot/ddl/read-definition.ts";
import { EVERYTHING, NEWER } from "../snapshot/ddl/testing/everything.ts";
import { readFacts, type StructureFact } from "./structure.ts";
import { structureQuery } from "./structure-query.ts";

const { url, adminUrl } = await createTestDatabase();

async function openSchema(client: Client, schema: string): Promise<string> {
  const role = `role_${randomBytes(6).toString("hex")}`;
  const [quoted, to] = [quoteIdentifier(schema), quoteIdentifier(role)];
  await client.query(
    `CREATE ROLE ${to}; CREATE SCHEMA ${quoted}; GRANT USAGE ON SCHEMA ${quoted} TO ${to}; SET LOCAL search_path = ${quoted};
     ${roleSettingScript(role)} ALTER DEFAULT PRIVILEGES IN SCHEMA ${quoted} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${to}`,
  );
  return role;
}

/** What PostgreSQL prints otherwise once it has read what it printed. */
const REPRINTED = `
create table listed (state varchar(10) default 'a' check (state in ('a', 'b (c)', 'it''s')), n integer, m integer,
  check (n > 1 or m > 1 or n + m > 5), check (lower(state) <> all (array['x', 'y']::varchar[])));
create index listed_some on listed (n) where state in ('a', 'b');
`;

const lines = (facts: readonly StructureFact[]): string[] =>
  facts.map(({ class: of, name, compared }) => `${of} ${name} ${compared}`).sort();

describe("a structure's digest", () => {
  it("is the same for a schema that was restored under another name, whatever the schema holds", async () => {
    await withAdmin(url, async (client) => {
      const { rows } = await client.query("SELECT current_setting('server_version_num')::int AS number");
      const sql = EVERYTHING + REPRINTED + (rows[0].number >= 180_000 ? NEWER : "");
      await client.query("BEGIN");
      const role = await openSchema(client, 'fr"om');
      await client.query(sql.replaceAll(":role", quoteIdentifier(role)));
      const original = await readFacts(client, { schema: 'fr"om', role });
      await client.query(`SET LOCAL search_path = "fr""om"`);
      const definition = await readDefinition(client as unknown as PoolClient, 'fr"om');
      const other = await openSchema(client, 'in"to');
      await client.query(definition.before);
      await client.query(definition.after);
      const copy = await readFacts(client, { schema: 'in"to', role: other });
      await client.query("ROLLBACK");
      expect(lines(copy.facts)).toEqual(lines(original.facts));
      expect(copy.digest).toBe(original.digest);
      const keys = original.facts.map(({ class: of, name }) => `${of} ${name}`);
      expect(new Set(keys).size).toBe(keys.length);
    });
  });

  it("costs the same among 300 schemas as among 5", async () => {
    await withAdmin(adminUrl, async (client) => {
      const tables = [1, 2, 3].map(
        (n) => `CREATE TABLE t${n} (id int PRIMARY KEY, v int DEFAULT 1 CHECK (v > 0))`,
      );
      const fill = async (from: number, to: number): Promise<void> => {
        for (let n = from; n <= to; n++) {
          await client.query(
            `CREATE SCHEMA s_${n}; SET search_path = s_${n}; ${tables.join(";")};
             CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TRIGGER g BEFORE INSERT ON t1 FOR EACH ROW EXECUTE FUNCTION f();
             ALTER DEFAULT PRIVILEGES IN SCHEMA s_${n} GRANT SELECT ON TABLES TO pg_monitor; RESET search_path`,
          );
        }
        await client.query("ANALYZE");
      };
      const buffers = async (): Promise<number> => {
        const text = structureQuery({ schema: "s_3", role: "pg_monitor", wanted: "digest" })
          .replace(/DECLARE tenantry_digest NO SCROLL CURSOR FOR/, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)")
          .replace(/FETCH ALL FROM tenantry_digest/, "SELECT");
        // The second time what the connection keeps of the catalog is there.
        await client.query(`BEGIN; ${text}; COMMIT`);
        const results = await client.query(`BEGIN; ${text}; COMMIT`);
        const explained = (results as unknown as { command: string; rows: Record<string, unknown>[] }[]).find(
          ({ command }) => command === "EXPLAIN",
        );
        const [top] = (explained?.rows[0]?.["QUERY PLAN"] ?? []) as { Plan: Record<string, number> }[];
        return (top?.Plan["Shared Hit Blocks"] ?? 0) + (top?.Plan["Shared Read Blocks"] ?? 0);
      };
      await fill(1, 5);
      const few = await buffers();
      await fill(6, 300);
      const many = await buffers();
      expect(few).toBeGreaterThan(50);
      expect(many).toBeLessThan(few * 1.5);
    });
  });
});
