import type { Client } from "pg";

/** What a schema holds, as lines that name no schema: two schemas with equal lines are built alike. */
export async function schemaSnapshot(client: Client, schema: string): Promise<string[]> {
  const lines: string[] = [];
  for (const [what, text] of Object.entries(QUERIES)) {
    const found = await client.query<{ line: string }>(text, [schema]);
    for (const { line } of found.rows) lines.push(`${what}: ${line}`);
  }
  return lines.map((line) => line.replaceAll(`${schema}.`, "").replaceAll(schema, "<schema>"));
}

const RELATIONS = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1";

const QUERIES: Readonly<Record<string, string>> = {
  relation: `SELECT format('%s %s persistence=%s acl=%s options=%s', c.relkind, c.relname, c.relpersistence, c.relacl, c.reloptions) AS line
    FROM ${RELATIONS} ORDER BY c.relkind, c.relname`,
  column: `SELECT format('%s.%s %s %s null=%s default=%s identity=%s generated=%s collation=%s acl=%s', c.relname, a.attnum, a.attname,
      format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attcollation::regcollation, a.attacl) AS line
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE n.nspname = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum`,
  constraint: `SELECT format('%s %s %s validated=%s', c.relname, k.conname, pg_get_constraintdef(k.oid), k.convalidated) AS line
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = k.connamespace
    WHERE n.nspname = $1 ORDER BY c.relname, k.conname`,
  index: `SELECT format('%s %s', c.relname, pg_get_indexdef(c.oid)) AS line
    FROM ${RELATIONS} AND c.relkind = 'i' ORDER BY c.relname`,
  sequence: `SELECT format('%s type=%s start=%s by=%s cycle=%s', c.relname, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqcycle) AS line
    FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 ORDER BY c.relname`,
  function: `SELECT format('%s acl=%s', CASE p.prokind WHEN 'a' THEN p.oid::regprocedure::text ELSE pg_get_functiondef(p.oid) END, p.proacl) AS line
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1 ORDER BY p.proname, p.oid`,
  trigger: `SELECT pg_get_triggerdef(t.oid) AS line
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND NOT t.tgisinternal ORDER BY c.relname, t.tgname`,
  view: `SELECT format('%s %s', c.relname, pg_get_viewdef(c.oid)) AS line
    FROM ${RELATIONS} AND c.relkind IN ('v', 'm') ORDER BY c.relname`,
  type: `SELECT format('%s %s %s', t.typname, t.typtype, (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)) AS line
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE n.nspname = $1 AND t.typtype <> 'b' ORDER BY t.typname`,
  "default privilege": `SELECT format('%s %s', d.defaclobjtype, d.defaclacl) AS line
    FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace WHERE n.nspname = $1`,
};
