import { quoteLiteral } from "../identifier.ts";
import type { Queryable } from "../pool.ts";

/** A table or index, and the file that it lies in. */
export interface RelationState {
  readonly oid: string;
  readonly name: string;
  /** As in `pg_class.relkind`. */
  readonly kind: string;
  /** Another after everything in it was written anew. */
  readonly filenode: string;
  /** With what lies beside it. */
  readonly bytes: string;
}

export interface TableRewrite {
  readonly table: string;
  /** Of what was written anew, before it was. */
  readonly bytes: number;
}

/**
 * SQL for a schema's tables, materialized views and their indexes: rows of `RelationState`. Tables are found through
 * `pg_depend`, so the number of other schemas doesn't matter.
 */
export function relationsQuery(schema: string): string {
  return `WITH own AS MATERIALIZED (
      SELECT relation.* FROM pg_catalog.pg_depend AS depend JOIN pg_catalog.pg_class AS relation ON relation.oid = depend.objid
      WHERE depend.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND depend.refobjid = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ${quoteLiteral(schema)})
        AND relation.relkind IN ('r', 'p', 'm'))
    SELECT found.oid::text AS oid, found.relname::text AS name, found.relkind::text AS kind, found.relfilenode::text AS filenode,
      CASE found.relkind WHEN 'i' THEN pg_catalog.pg_relation_size(found.oid) ELSE pg_catalog.pg_total_relation_size(found.oid) END::text AS bytes
    FROM (SELECT * FROM own UNION ALL
      SELECT index.* FROM own JOIN pg_catalog.pg_index AS place ON place.indrelid = own.oid JOIN pg_catalog.pg_class AS index ON index.oid = place.indexrelid) AS found`;
}

/** Tables that lie in another file than before, of those that were there at first. One that was emptied by it, too. */
export function rewrittenTables(
  before: ReadonlyMap<string, RelationState>,
  after: ReadonlyMap<string, RelationState>,
  atFirst: ReadonlyMap<string, RelationState>,
): TableRewrite[] {
  return [...after.values()].flatMap(({ oid, name, kind, filenode }) => {
    const was = before.get(oid);
    if (was === undefined || !atFirst.has(oid) || !"rm".includes(kind) || was.filenode === filenode)
      return [];
    return [{ table: name, bytes: Number(was.bytes) }];
  });
}

/** What a schema's tables take with all that lies beside them, in bytes; 0 where it isn't there. */
export async function schemaBytes(client: Queryable, schema: string): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    `SELECT coalesce(sum(bytes::bigint), 0)::text AS bytes FROM (${relationsQuery(schema)}) AS own WHERE kind IN ('r', 'm')`,
  );
  return Number(rows[0]?.bytes ?? 0);
}
