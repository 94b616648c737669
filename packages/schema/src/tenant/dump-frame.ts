import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import type { SchemaContents } from "./contents.ts";

/**
 * What stands between the blueprint's script and the rows. Rows go in as they are, in any order: so foreign keys go and
 * come back behind them (a cycle of keys has no order), with them the checks that the tenant has otherwise (NOT VALID, or
 * changed by hand), triggers keep still, and what the script itself put into tables goes. An owner may do all that;
 * silencing the keys' own triggers takes a superuser. Tables and columns become as they were found.
 */
export function frameScript(contents: SchemaContents): string {
  const columns = contents.tables
    .filter(({ derived }) => !derived)
    .map((table) => [table.name, table.columns] as const);
  return [
    // What the script's own rows have left to be checked would stand in the way of ALTER TABLE.
    "SET CONSTRAINTS ALL IMMEDIATE;\n",
    block(FRAME, { columns: Object.fromEntries(columns), checks: checksOf(contents) }),
  ].join("");
}

/** What stands behind the rows. */
export function closingScript(contents: SchemaContents): string {
  const keys = contents.constraints.filter(({ kind }) => kind === "foreign-key");
  const keyScript = [...Map.groupBy(keys, ({ table }) => table)].map(([table, list]) => {
    const clauses = list.map(
      ({ name, definition }) => `ADD CONSTRAINT ${quoteIdentifier(name)} ${definition}`,
    );
    return `ALTER TABLE ${quoteIdentifier(table)}\n  ${clauses.join(",\n  ")};\n`;
  });
  return [
    "SET CONSTRAINTS ALL IMMEDIATE;\n",
    ...keyScript,
    block(CLOSING, { checks: checksOf(contents) }),
    ...contents.materializedViews.map((name) => `REFRESH MATERIALIZED VIEW ${quoteIdentifier(name)};\n`),
    "COMMIT;\n",
  ].join("");
}

function checksOf({ constraints }: SchemaContents): object[] {
  return constraints.flatMap(({ kind, ...check }) => (kind === "check" ? [check] : []));
}

/** A DO statement that looks at `found`: what was found in the tenant. */
function block(body: string, found: object): string {
  return `DO ${quoteLiteral(body.replace("$found", () => quoteLiteral(JSON.stringify(found))))};\n`;
}

const OWN_TABLES = `SELECT class.oid, class.relname
    FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace
    WHERE space.nspname = current_schema() AND class.relkind IN ('r', 'p')`;

const FRAME = `
DECLARE
  found CONSTANT jsonb := $found;
  found_columns CONSTANT jsonb := found->'columns';
  item record;
BEGIN
  FOR item IN
    SELECT own.oid::regclass AS tab, con.conname
    FROM (${OWN_TABLES}) AS own JOIN pg_constraint AS con ON con.conrelid = own.oid
    WHERE con.conparentid = 0 AND con.conislocal AND (con.contype = 'f' OR con.contype = 'c' AND NOT EXISTS (
      SELECT FROM jsonb_array_elements(found->'checks') AS kept
      WHERE kept->>'table' = own.relname AND kept->>'name' = con.conname
        AND kept->>'definition' = pg_get_constraintdef(con.oid)))
  LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', item.tab, item.conname);
  END LOOP;
  FOR item IN SELECT own.oid::regclass AS tab FROM (${OWN_TABLES}) AS own LOOP
    EXECUTE format('TRUNCATE %s CASCADE', item.tab);
  END LOOP;
  FOR item IN SELECT key AS tab FROM jsonb_each(found_columns) WHERE to_regclass(quote_ident(key)) IS NULL LOOP
    EXECUTE format('CREATE TABLE %I ()', item.tab);
  END LOOP;
  FOR item IN
    SELECT tab.key AS tab, att.attname
    FROM jsonb_each(found_columns) AS tab
    JOIN pg_attribute AS att ON att.attrelid = quote_ident(tab.key)::regclass AND att.attnum > 0 AND NOT att.attisdropped
    WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(tab.value) AS col WHERE col->>'name' = att.attname)
  LOOP
    EXECUTE format('ALTER TABLE %I DROP COLUMN %I CASCADE', item.tab, item.attname);
  END LOOP;
  FOR item IN
    SELECT tab.key AS tab, col->>'name' AS name, col->>'type' AS type, (col->>'required')::boolean AS required,
      att.attnotnull AS is_required, format_type(att.atttypid, att.atttypmod) AS is_type
    FROM jsonb_each(found_columns) AS tab
    CROSS JOIN LATERAL jsonb_array_elements(tab.value) WITH ORDINALITY AS list (col, place)
    LEFT JOIN pg_attribute AS att
      ON att.attrelid = quote_ident(tab.key)::regclass AND att.attname = col->>'name' AND NOT att.attisdropped
    ORDER BY tab.key, place
  LOOP
    IF item.is_type IS NULL THEN
      EXECUTE format('ALTER TABLE %I ADD COLUMN %I %s', item.tab, item.name, item.type);
    ELSIF item.is_type <> item.type THEN
      EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE %s USING NULL', item.tab, item.name, item.type);
    END IF;
    IF item.required AND item.is_required IS DISTINCT FROM true THEN
      EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET NOT NULL', item.tab, item.name);
    ELSIF item.is_required AND NOT item.required THEN
      EXECUTE format('ALTER TABLE %I ALTER COLUMN %I DROP NOT NULL', item.tab, item.name);
    END IF;
  END LOOP;
  FOR item IN SELECT own.oid::regclass AS tab FROM (${OWN_TABLES}) AS own LOOP
    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', item.tab);
  END LOOP;
END
`;

const CLOSING = `
DECLARE
  found CONSTANT jsonb := $found;
  item record;
BEGIN
  FOR item IN
    SELECT kept->>'table' AS tab, kept->>'name' AS name, kept->>'definition' AS definition
    FROM jsonb_array_elements(found->'checks') AS kept
    WHERE NOT EXISTS (
      SELECT FROM pg_constraint WHERE conrelid = quote_ident(kept->>'table')::regclass AND conname = kept->>'name')
  LOOP
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s', item.tab, item.name, item.definition);
  END LOOP;
  FOR item IN SELECT own.oid::regclass AS tab FROM (${OWN_TABLES}) AS own LOOP
    EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', item.tab);
  END LOOP;
END
`;
