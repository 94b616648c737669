import { createHash } from "node:crypto";
import { quoteIdentifier, quoteLiteral } from "../../identifier.ts";
import type { PoolClient, Queryable } from "../../pool.ts";
import type { SnapshotTable } from "../tenant-snapshot.ts";
import { arrange, compare } from "./arrange.ts";
import { type Catalog, readCatalog } from "./catalog.ts";
import { withOwnPath } from "./function-path.ts";
import {
  commentForTenant,
  commentOnSchema,
  isForTenant,
  policyStatement,
  rightsScript,
  withoutOtherRoles,
} from "./rights-script.ts";
import { type CatalogObject, RANK } from "./statement.ts";
import { bareExpressions, steadyText } from "./steady-text.ts";

export interface SchemaDefinition {
  /** Those that hold rows of their own, by name. A partitioned table has none; its partitions are here. */
  readonly tables: readonly SnapshotTable[];
  /** All that have a value, those of identity columns included. */
  readonly sequences: readonly string[];
  /** As in `SnapshotContents`. To be run with the new schema as the only one on the path, in a transaction. */
  readonly before: string;
  /** As in `SnapshotContents`. Looks the tenant's role up in the setting `tenantry.role`; without it, its rights are left out. */
  readonly after: string;
  /** Rights of roles other than the owner's and the tenant's aren't part of it: another server needn't have them. */
  readonly fingerprint: string;
  /** What the schema holds and the two texts don't make, for people: `foreign table t`. Not part of the fingerprint. */
  readonly unsupported: readonly string[];
}

/**
 * Reads how a schema is built, as SQL that builds another of any name. Takes one message, however many objects there are,
 * and looks at nothing of other schemas.
 *
 * Inside a transaction whose `search_path` is the schema alone; leaves the path as it was. The texts depend on the major
 * version of the server in how expressions are printed, so a fingerprint is to be compared on one server or on two of one
 * major version.
 *
 * @throws the driver's error
 */
export async function readDefinition(client: PoolClient, schema: string): Promise<SchemaDefinition> {
  return define(await readCatalog(client, schema), schema);
}

/** The fingerprint alone: SHA-256, hex; the same for two schemas that differ in name alone. */
export async function schemaFingerprint(client: Queryable, schema: string): Promise<string> {
  return define(await readCatalog(client, schema), schema).fingerprint;
}

/** One object of a schema, and what makes it where the schema is first on the path. */
export interface ObjectStatement {
  readonly object: CatalogObject;
  /** Ends in `;\n`, and may be several. */
  readonly sql: string;
}

/**
 * What a definition makes, one by one, in an order in which each finds what it needs. Otherwise as `readDefinition`.
 *
 * @throws the driver's error
 */
export async function readStatements(client: Queryable, schema: string): Promise<ObjectStatement[]> {
  const catalog = await readCatalog(client, schema);
  const { before, after } = arrange(catalog);
  return [...before, ...after].map((object) => {
    const text = statementText(catalog, object, schema, []);
    return { object, sql: object.head === null || text === "" ? text : `${object.head} ${text};\n` };
  });
}

function define(catalog: Catalog, schema: string): SchemaDefinition {
  const { before, after } = arrange(catalog);
  const lost: string[] = [];
  const texts = new Map(
    [...before, ...after].map((object) => [object, statementText(catalog, object, schema, lost)]),
  );
  const text = (object: CatalogObject): string => texts.get(object) ?? "";
  const comments = commentScript(catalog);
  const closing = comments + rightsScript(catalog);
  const { tables } = catalog;
  const sequences = catalog.sequences.map(({ name }) => name);
  const fingerprint = createHash("sha256").update(JSON.stringify([tables, sequences]));
  for (const [object, sql] of texts) {
    // A function's body is text, unless PostgreSQL prints it from what it has understood.
    const loose = /\nAS \$/.test(sql) ? sql : bareExpressions(sql);
    fingerprint.update(`\n${object.head ?? ""} ${loose}`);
  }
  fingerprint.update(comments + rightsScript(withoutOtherRoles(catalog)));
  return {
    tables,
    sequences,
    before: OPENING + script(before, text) + CLOSING,
    after: OPENING + script(after, text) + closing + CLOSING,
    fingerprint: fingerprint.digest("hex"),
    unsupported: [...catalog.unsupported.map(({ name }) => name), ...lost].sort(compare),
  };
}

// With the schema before the catalog, a table or function that is named like one of PostgreSQL's is found as what it is.
// Bodies of functions may name what comes after them.
const OPENING =
  "DO 'BEGIN PERFORM pg_catalog.set_config(''search_path'', pg_catalog.concat(pg_catalog.quote_ident(pg_catalog.current_schema()), '', pg_catalog''), true); END';\nSET LOCAL check_function_bodies = off;\n";
const CLOSING =
  "DO 'BEGIN PERFORM pg_catalog.set_config(''search_path'', pg_catalog.quote_ident(pg_catalog.current_schema()), true); END';\n";

/** Neighbours that alter one table become one statement. */
function script(objects: readonly CatalogObject[], text: (object: CatalogObject) => string): string {
  const parts: string[] = [];
  let head: string | null = null;
  for (const object of objects) {
    const sql = text(object);
    if (sql === "") continue;
    if (object.head === null) parts.push(head === null ? sql : `;\n${sql}`);
    else
      parts.push(
        object.head === head ? `,\n  ${sql}` : `${head === null ? "" : ";\n"}${object.head}\n  ${sql}`,
      );
    head = object.head;
  }
  return parts.join("") + (head === null ? "" : ";\n");
}

function statementText(catalog: Catalog, object: CatalogObject, schema: string, lost: string[]): string {
  let sql = object.rank === RANK.function ? (object.sql ?? "") : steadyText(object.sql ?? "");
  if (object.head !== null) return sql;
  if (object.rank === RANK.policy) return policyStatement(sql);
  if (object.qualified !== null && object.bare !== null) {
    const at = sql.indexOf(object.qualified);
    if (at < 0) lost.push(object.target ?? object.sort);
    else sql = sql.slice(0, at) + object.bare + sql.slice(at + object.qualified.length);
  }
  const path = catalog.paths.find((each) => each.oid === object.oid && each.class === object.class);
  if (path !== undefined) {
    const own = withOwnPath(sql, path.path, schema, path.signature);
    if (own === null) lost.push(object.target ?? object.sort);
    else sql = own;
  }
  return sql.endsWith(";") ? `${sql}\n` : `${sql};\n`;
}

function commentScript(catalog: Catalog): string {
  const ofSchema = catalog.schemaComment[0]?.text;
  const objects = new Map(catalog.objects.map((object) => [`${object.class}/${object.oid}`, object]));
  const ofType = new Map(
    catalog.aliases.map((alias) => [`${alias.class}/${alias.oid}`, `${alias.isClass}/${alias.isOid}`]),
  );
  const ofObjects = catalog.comments
    .flatMap(({ class: kind, oid, column, text }) => {
      const key = `${kind}/${oid}`;
      const object = objects.get(key) ?? objects.get(ofType.get(key) ?? "");
      if (object === undefined || object.target === null) return [];
      const relation = object.target.replace(/^(MATERIALIZED VIEW|VIEW|TABLE|TYPE) /, "");
      const on = column === null ? object.target : `COLUMN ${relation}.${quoteIdentifier(column)}`;
      const statement = `COMMENT ON ${on} IS ${quoteLiteral(text).trim()}`;
      const conditional = object.rank === RANK.policy && isForTenant(object.sql);
      return [conditional ? commentForTenant(statement) : `${statement};\n`];
    })
    .sort(compare)
    .join("");
  return ofObjects + (ofSchema === null || ofSchema === undefined ? "" : commentOnSchema(ofSchema));
}
