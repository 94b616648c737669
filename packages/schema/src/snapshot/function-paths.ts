import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { Queryable } from "../pool.ts";
import { splitPath } from "./ddl/function-path.ts";

/**
 * Turns the `SET search_path` of a schema's functions from the name that the schema had to the one that it has: PostgreSQL
 * keeps it as text, and they would go on working on whatever bears that name next. The schema alone must be on the path.
 */
export async function mendFunctionPaths(
  client: Queryable,
  { schema, from }: { readonly schema: string; readonly from: string },
): Promise<void> {
  const { rows } = await client.query<{ signature: string; path: string }>(`
    SELECT format('%I(%s)', proc.proname, pg_get_function_identity_arguments(proc.oid)) AS signature, substr(setting, 13) AS path
    FROM pg_depend AS depend JOIN pg_proc AS proc ON proc.oid = depend.objid, unnest(proc.proconfig) AS setting
    WHERE depend.refclassid = 'pg_namespace'::regclass AND depend.classid = 'pg_proc'::regclass
      AND depend.refobjid = (SELECT oid FROM pg_namespace WHERE nspname = ${quoteLiteral(schema)})
      AND starts_with(setting, 'search_path=')`);
  const mended = rows.flatMap(({ signature, path }) => {
    const names = splitPath(path);
    if (!names.includes(from)) return [];
    const list = names.map((name) => quoteIdentifier(name === from ? schema : name));
    return `ALTER ROUTINE ${signature} SET search_path TO ${list.join(", ")};\n`;
  });
  if (mended.length > 0) await client.query(mended.join(""));
}
