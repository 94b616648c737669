import pg from "pg";
import { withAdmin } from "./database.ts";

/** Text that an escaping mistake anywhere would change: PostgreSQL's, COPY's, psql's and the shell's own signs. */
export const ODD_TEXT =
  'O\'Brien "quoted" \\N \\. \\! echo \t tab \r\n line\n\\.\n-- no comment; DROP TABLE users; $$ :name شركة 😀';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly length: number | null;
  readonly required: boolean;
  readonly filled: boolean;
  readonly identity: boolean;
  readonly key: boolean;
  readonly check: string | null;
}

const FIRST_ID = 1000;

/** Puts rows into every table of a tenant, with a value of its own in every column that takes one. Keys hold. */
export async function fillTenant(adminUrl: string, schema: string, rows = 3): Promise<void> {
  await withAdmin(adminUrl, async (client) => {
    // Every row may point at one that comes later.
    await client.query(
      `BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL search_path = ${pg.escapeIdentifier(schema)}`,
    );
    for (const [table, columns] of await tablesOf(client, schema)) {
      for (let row = 1; row <= rows; row++) {
        const given = columns.flatMap((column) => {
          const value = valueFor(column, row);
          return value === undefined ? [] : [{ name: pg.escapeIdentifier(column.name), value }];
        });
        const names = given.map(({ name }) => name).join(", ");
        const places = given.map((_, index) => `$${index + 1}`).join(", ");
        await client.query(
          `INSERT INTO ${pg.escapeIdentifier(table)} (${names}) VALUES (${places})`,
          given.map(({ value }) => value),
        );
      }
    }
    await client.query("COMMIT");
  });
}

async function tablesOf(client: pg.Client, schema: string): Promise<Map<string, Column[]>> {
  const found = await client.query<Column & { table: string }>(
    `SELECT c.relname AS "table", a.attname AS name, format_type(a.atttypid, NULL) AS type,
       CASE WHEN a.atttypid = 'varchar'::regtype AND a.atttypmod > 0 THEN a.atttypmod - 4 END AS length,
       a.attnotnull AS required, a.atthasdef AS filled, a.attidentity <> '' AS identity,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)) AS key,
       (SELECT min(pg_get_constraintdef(k.oid)) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)) AS check
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       AND c.relname NOT LIKE 'tenantry%' AND c.relname NOT LIKE 'kysely%'
     ORDER BY c.relname, a.attnum`,
    [schema],
  );
  return Map.groupBy(found.rows, (row) => row.table);
}

/** Undefined: left to the column's default. */
function valueFor(column: Column, row: number): unknown {
  const { type, length, check, required, filled, identity, key } = column;
  if (identity || key) return FIRST_ID + row;
  const [, allowed] = /'([^']+)'/.exec(check ?? "") ?? [];
  if (check !== null && (filled || !required)) return undefined;
  if (allowed !== undefined) return allowed;
  switch (type) {
    case "character varying":
    case "text": {
      const text = `${row}${ODD_TEXT}`;
      return length === null ? text : [...text].slice(0, Math.floor(length)).join("");
    }
    case "integer":
    case "bigint":
    case "smallint":
      return check === null ? FIRST_ID + row : row;
    case "numeric":
      return `${row}.123456789012`;
    case "boolean":
      return row % 2 === 0;
    case "date":
      return row === 1 && check === null ? "infinity" : `20${10 + row}-02-28`;
    case "time without time zone":
      return `0${row}:59:59.999999`;
    case "timestamp with time zone":
      return row === 1 ? "-infinity" : `19${10 + row}-06-15T12:34:56.789012+05:30`;
    case "uuid":
      return `01900000-0000-7000-8000-00000000000${row}`;
    case "json":
    case "jsonb":
      return JSON.stringify({ row, odd: ODD_TEXT, null: null, nested: [1.5, [], {}] });
    case "bytea":
      return Buffer.from([0, 92, 10, 9, row]);
    default:
      return undefined;
  }
}
