import { quoteIdentifier, quoteLiteral } from "../../identifier.ts";
import type { Queryable, QueryResult } from "../../pool.ts";
import type { SnapshotTable } from "../tenant-snapshot.ts";
import { catalogQueries } from "./catalog-queries.ts";
import { listedObjects, type OwnObjects, type OwnObjectsRow, ownObjectsQuery } from "./own-objects.ts";
import type { CatalogObject } from "./statement.ts";

export interface Right {
  /** As in GRANT … ON; of default rights: `TABLES` and the like. */
  readonly target: string;
  readonly column: string | null;
  /** `public`, `owner`, or `role ` and its name. */
  readonly grantee: string;
  readonly privilege: string;
  readonly grantable: boolean;
  /** What a new object has by itself; else what this one has. */
  readonly expected: boolean;
}

export interface Catalog {
  readonly objects: readonly CatalogObject[];
  readonly aliases: readonly { class: string; oid: string; isClass: string; isOid: string }[];
  readonly needs: readonly { class: string; oid: string; needsClass: string; needsOid: string }[];
  readonly comments: readonly { class: string; oid: string; column: string | null; text: string }[];
  readonly rights: readonly Right[];
  readonly defaultRights: readonly {
    kind: string;
    grantee: string;
    privilege: string;
    grantable: boolean;
    own: boolean;
  }[];
  readonly schemaRights: readonly { grantee: string; privilege: string; grantable: boolean }[];
  /** One row. */
  readonly schemaComment: readonly { text: string | null }[];
  /** Functions that set the path themselves. */
  readonly paths: readonly { class: string; oid: string; path: string; signature: string }[];
  readonly tables: readonly SnapshotTable[];
  readonly sequences: readonly { name: string }[];
  readonly unsupported: readonly { name: string }[];
  /** The tenant's: what `tenantry.role` says, else who the schema's default rights are for; null for none. */
  readonly role: string | null;
}

/**
 * Asks the catalog about a schema, in two messages: what lies in it, and what that is.
 *
 * The questions are understood while `pg_catalog` alone is on the path, so no table or function of the schema can stand in
 * for the catalog's; they are answered while the schema is before it, so that PostgreSQL prints its names bare. A cursor
 * parts the two.
 */
export async function readCatalog(client: Queryable, schema: string): Promise<Catalog> {
  const { own, role } = await readOwnObjects(client, schema);
  const queries = Object.entries(catalogQueries(own)).filter(([, text]) => text !== "");
  const cursor = (name: string): string => quoteIdentifier(`tenantry_ddl_${name}`);
  const statements = [
    ...queries.map(([name, text]) => `DECLARE ${cursor(name)} NO SCROLL CURSOR FOR ${text}`),
    `SET LOCAL search_path = ${quoteIdentifier(schema)}, pg_catalog, pg_temp`,
    ...queries.map(([name]) => `FETCH ALL FROM ${cursor(name)}`),
    ...queries.map(([name]) => `CLOSE ${cursor(name)}`),
    "SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('tenantry.reading_path'), true)",
  ];
  const results = (await client.query(statements.join(";\n"))) as unknown as QueryResult<
    Record<string, unknown>
  >[];
  const answers = results.filter(({ command }) => command === "FETCH");
  const found = Object.fromEntries(queries.map(([name], index) => [name, answers[index]?.rows ?? []]));
  return { ...NOTHING, ...(found as unknown as Partial<Catalog>), role };
}

const NOTHING: Omit<Catalog, "role"> = {
  objects: [],
  aliases: [],
  needs: [],
  comments: [],
  rights: [],
  defaultRights: [],
  schemaRights: [],
  schemaComment: [],
  paths: [],
  tables: [],
  sequences: [],
  unsupported: [],
};

/** Leaves `pg_catalog` alone on the path, and what was there in a setting. */
async function readOwnObjects(
  client: Queryable,
  schema: string,
): Promise<{ own: OwnObjects; role: string | null }> {
  const statements = [
    "SELECT pg_catalog.set_config('tenantry.reading_path', pg_catalog.current_setting('search_path'), true)",
    "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL quote_all_identifiers = off",
    `SELECT set_config('tenantry.reading_role', coalesce(nullif(current_setting('tenantry.role', true), ''), (
        SELECT min(pg_get_userbyid(part.grantee)) FROM pg_namespace AS space JOIN pg_default_acl AS given ON given.defaclnamespace = space.oid, aclexplode(given.defaclacl) AS part
        WHERE space.nspname = ${quoteLiteral(schema)} AND given.defaclobjtype = 'r' AND part.grantee NOT IN (0, space.nspowner) HAVING count(DISTINCT part.grantee) = 1), ''), true) AS role`,
    ownObjectsQuery(schema),
  ];
  const results = (await client.query(statements.join(";\n"))) as unknown as QueryResult<
    Record<string, unknown>
  >[];
  const role = results.find(({ rows }) => rows[0]?.role !== undefined)?.rows[0]?.role;
  const own = results.at(-1)?.rows[0] as OwnObjectsRow | undefined;
  if (own === undefined) throw new Error(`there is no schema ${schema}`);
  return { own: listedObjects(own), role: role === "" ? null : (role as string) };
}
