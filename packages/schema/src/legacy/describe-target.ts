import { randomBytes } from "node:crypto";
import { type CompiledBlueprint, LEDGER_LOCK_TABLE, LEDGER_TABLE } from "../blueprint/compile.ts";
import { LIMITS_TABLE } from "../blueprint/limits.ts";
import { roleSettingScript } from "../blueprint/tenant-rights.ts";
import { quoteIdentifier } from "../identifier.ts";
import { type Pool, type PoolClient, withClient } from "../pool.ts";
import { relationsOf } from "../tenant/contents.ts";
import { readChecks } from "./column-checks.ts";
import type { TargetColumn, TargetDescription, TargetTable } from "./target-description.ts";

const described = new Map<string, Promise<TargetDescription>>();

/**
 * A blueprint's tables as PostgreSQL makes them: made in a schema of a random name, looked at, and rolled back. Takes as
 * long as a tenant, so it is done once for each build of a blueprint in a process.
 */
export function describeTarget(pool: Pool, blueprint: CompiledBlueprint): Promise<TargetDescription> {
  const known = described.get(blueprint.fingerprint);
  if (known !== undefined) return known;
  const description = describe(pool, blueprint).catch((error: unknown) => {
    described.delete(blueprint.fingerprint);
    throw error;
  });
  described.set(blueprint.fingerprint, description);
  return description;
}

/** Tenantry's own tables in a tenant's schema. */
const OWN_TABLES = new Set([LEDGER_TABLE, LEDGER_LOCK_TABLE, LIMITS_TABLE]);

async function describe(pool: Pool, blueprint: CompiledBlueprint): Promise<TargetDescription> {
  const schema = `tenantry_description_${randomBytes(6).toString("hex")}`;
  return withClient(pool, async (client) => {
    await client.query(
      // A role that has nothing stands for the tenant's: rights that the script takes away aren't looked at.
      `BEGIN; CREATE SCHEMA ${quoteIdentifier(schema)}; SET LOCAL search_path = ${quoteIdentifier(schema)}; ${roleSettingScript("pg_monitor")}${blueprint.createScript}${blueprint.commonSeedScript}`,
    );
    const tables = await readTables(client, schema);
    await client.query("ROLLBACK");
    return { blueprint: blueprint.blueprint.name, tables };
  });
}

interface ColumnRow extends Omit<TargetColumn, "oneOf" | "least" | "most" | "constantDefault"> {
  readonly default: string | null;
  /** Definitions of checks on this column alone, also of its domain's. */
  readonly checks: readonly string[];
}

interface TableRow extends Omit<TargetTable, "columns" | "seeded" | "hasRows"> {
  readonly columns: readonly ColumnRow[];
}

async function readTables(client: PoolClient, schema: string): Promise<TargetTable[]> {
  const { rows } = await client.query<TableRow>(tablesQuery(schema));
  const tables: TargetTable[] = [];
  for (const row of rows) {
    if (OWN_TABLES.has(row.name)) continue;
    tables.push({
      ...row,
      columns: row.columns.map(({ default: expression, checks, ...column }) => ({
        ...column,
        constantDefault: constantOf(expression),
        ...readChecks(checks),
      })),
      ...(await seededRows(client, row)),
    });
  }
  return tables;
}

function tablesQuery(schema: string): string {
  const columnNames = (keys: string, relation: string): string =>
    `(SELECT jsonb_agg(attname ORDER BY place) FROM unnest(${keys}) WITH ORDINALITY AS key (number, place)
      JOIN pg_attribute ON attrelid = ${relation} AND attnum = number)`;
  // A generated column's own expression depends on the columns that it is worked out from.
  const givenColumns = (keys: string, relation: string): string =>
    `(SELECT coalesce(jsonb_agg(DISTINCT given.attname), '[]') FROM unnest(${keys}) AS key (number)
      JOIN pg_attribute AS named ON named.attrelid = ${relation} AND named.attnum = key.number
      LEFT JOIN pg_attrdef AS def ON named.attgenerated <> '' AND def.adrelid = named.attrelid AND def.adnum = named.attnum
      LEFT JOIN pg_depend AS base ON base.classid = 'pg_attrdef'::regclass AND base.objid = def.oid
        AND base.refclassid = 'pg_class'::regclass AND base.refobjid = named.attrelid AND base.refobjsubid <> named.attnum
      JOIN pg_attribute AS given ON given.attrelid = named.attrelid
        AND given.attnum = coalesce(base.refobjsubid, named.attnum))`;
  return `
    SELECT relation.relname AS name,
      (SELECT jsonb_agg(jsonb_build_object(
          'name', att.attname,
          'type', format_type(coalesce(nullif(type.typbasetype, 0), att.atttypid),
            CASE WHEN type.typbasetype <> 0 THEN type.typtypmod ELSE att.atttypmod END),
          'required', att.attnotnull OR type.typnotnull,
          'default', CASE WHEN att.attgenerated = '' THEN pg_get_expr(def.adbin, def.adrelid) END,
          'hasDefault', att.attidentity <> '' OR (def.adbin IS NOT NULL AND att.attgenerated = ''),
          'identity', att.attidentity <> '' OR EXISTS (SELECT FROM pg_depend AS dep
            JOIN pg_sequence ON seqrelid = dep.objid
            WHERE dep.classid = 'pg_class'::regclass AND dep.refclassid = 'pg_class'::regclass AND dep.deptype = 'a'
              AND dep.refobjid = att.attrelid AND dep.refobjsubid = att.attnum),
          'generated', att.attgenerated <> '',
          'checks', coalesce((
            SELECT jsonb_agg(pg_get_constraintdef(con.oid)) FROM pg_constraint AS con
            WHERE con.contype = 'c' AND (con.contypid = att.atttypid AND type.typtype = 'd'
              OR con.conrelid = relation.oid AND con.conkey = ARRAY[att.attnum])), '[]')
        ) ORDER BY att.attnum)
        FROM pg_attribute AS att JOIN pg_type AS type ON type.oid = att.atttypid
        LEFT JOIN pg_attrdef AS def ON def.adrelid = att.attrelid AND def.adnum = att.attnum
        WHERE att.attrelid = relation.oid AND att.attnum > 0 AND NOT att.attisdropped) AS columns,
      coalesce((SELECT ${columnNames("con.conkey", "relation.oid")} FROM pg_constraint AS con
        WHERE con.conrelid = relation.oid AND con.contype = 'p'), '[]') AS "primaryKey",
      coalesce((SELECT jsonb_agg(${columnNames("(ind.indkey::smallint[])[0:ind.indnkeyatts - 1]", "relation.oid")} ORDER BY ind.indexrelid)
        FROM pg_index AS ind WHERE ind.indrelid = relation.oid AND ind.indisunique AND ind.indpred IS NULL
          AND ind.indexprs IS NULL), '[]') AS "unique",
      coalesce((SELECT jsonb_agg(jsonb_build_object(
          'columns', ${columnNames("con.conkey", "con.conrelid")},
          'table', (SELECT relname FROM pg_class WHERE oid = con.confrelid),
          'targetColumns', ${columnNames("con.confkey", "con.confrelid")},
          'constraint', con.conname,
          'deferrable', con.condeferrable) ORDER BY con.conname)
        FROM pg_constraint AS con WHERE con.conrelid = relation.oid AND con.contype = 'f'), '[]') AS "references",
      EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation.oid AND NOT tgisinternal AND tgenabled IN ('O', 'A'))
        AS "hasTriggers",
      coalesce((SELECT jsonb_agg(jsonb_build_object('name', tgname, 'mode', CASE tgenabled
          WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END) ORDER BY tgname)
        FROM pg_trigger WHERE tgrelid = relation.oid AND NOT tgisinternal AND tgenabled <> 'O'), '[]') AS "oddTriggers",
      coalesce((SELECT jsonb_agg(jsonb_build_object('name', rule.name, 'columns', ${givenColumns("rule.keys", "relation.oid")})
          ORDER BY rule.name)
        FROM (
          SELECT conname AS name, conkey AS keys FROM pg_constraint WHERE conrelid = relation.oid AND conkey IS NOT NULL
          UNION
          SELECT own.relname, (ind.indkey::smallint[])[0:ind.indnkeyatts - 1]
          FROM pg_index AS ind JOIN pg_class AS own ON own.oid = ind.indexrelid
          WHERE ind.indrelid = relation.oid AND ind.indisunique
        ) AS rule), '[]') AS rules
    FROM ${relationsOf(schema)} AS relation WHERE relation.relkind = 'r' ORDER BY relation.relname`;
}

/** The rows' keys as text, of a table whose primary key is one column; of another, whether there are any. */
async function seededRows(
  client: PoolClient,
  { name, primaryKey }: TableRow,
): Promise<Required<Pick<TargetTable, "seeded" | "hasRows">>> {
  const [key, ...more] = primaryKey;
  const named = key !== undefined && more.length === 0;
  const { rows } = await client.query<{ key: string }>(
    named
      ? `SELECT ${quoteIdentifier(key)}::text AS key FROM ${quoteIdentifier(name)} ORDER BY 1`
      : `SELECT '' AS key FROM ${quoteIdentifier(name)} LIMIT 1`,
  );
  return { seeded: named ? rows.map((row) => row.key) : [], hasRows: rows.length > 0 };
}

/** A default that is the same for every row, as text: `'draft'::character varying`, `0`, `true`. */
function constantOf(expression: string | null): string | null {
  if (expression === null) return null;
  const number = /^\(?(-?\d+(?:\.\d+)?)\)?(?:::[a-z ]+(?:\([\d,]+\))?)?$/.exec(expression);
  if (number !== null) return number[1] ?? null;
  if (expression === "true" || expression === "false") return expression;
  const text = /^'((?:[^']|'')*)'::[a-z ]+(?:\([\d,]+\))?$/.exec(expression);
  return text === null ? null : (text[1] ?? "").replaceAll("''", "'");
}
