import {
  countsCondition,
  guardStatements,
  LIMITS_FUNCTION,
  LIMITS_TABLE,
  LIMITS_TRIGGERS,
  type LimitedTable,
  type LimitName,
} from "../blueprint/limits.ts";
import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type Queryable, withClient } from "../pool.ts";

/** Rows that take a place now, and how many may; null where nothing limits them. */
export interface LimitUse {
  readonly used: number;
  readonly max: number | null;
}
export type LimitUses = Readonly<Partial<Record<LimitName, LimitUse>>>;
export type LimitNumbers = Readonly<Partial<Record<LimitName, number>>>;

export type SetLimitsOutcome =
  | { readonly kind: "set" }
  /** The tenant's version of its blueprint holds no limits, or its schema isn't there; nothing was changed. */
  | { readonly kind: "no-limits" }
  /** Lowering these would leave rows without a place; nothing was changed. */
  | { readonly kind: "below-use"; readonly refused: readonly RefusedLimit[] };

export interface RefusedLimit {
  readonly limit: LimitName;
  readonly wanted: number;
  readonly used: number;
}

/** What limits a tenant and what of it is used, in two queries; null when its schema holds no limits. */
export async function readLimitUse(
  client: Queryable,
  schema: string,
  limited: readonly LimitedTable[],
): Promise<LimitUses | null> {
  if (limited.length === 0 || !(await hasLimits(client, schema))) return null;
  const { rows } = await client.query<{ limit: LimitName; used: number; max: number | null }>(
    limitUseQuery(schema, limited),
  );
  return Object.fromEntries(rows.map(({ limit, used, max }) => [limit, { used, max }]));
}

/** SQL for one row for each limit: `limit`, `used`, `max`. Fails where the schema holds no limits. */
export function limitUseQuery(schema: string, limited: readonly LimitedTable[]): string {
  const inside = quoteIdentifier(schema);
  return limited
    .map(
      (each) => `SELECT ${quoteLiteral(each.limit)} AS "limit",
        (SELECT count(*)::int FROM ${inside}.${quoteIdentifier(each.table)} WHERE ${countsCondition(each)}) AS used,
        (SELECT maximum FROM ${inside}.${LIMITS_TABLE} WHERE name = ${quoteLiteral(each.limit)}) AS max`,
    )
    .join(" UNION ALL ");
}

/**
 * Sets a tenant's limits, all or none, as the schema's owner. Waits for transactions that have added rows and are still
 * open; those that come meanwhile wait for this one, and then hold the new numbers.
 *
 * A limit isn't lowered below what is used. One that is too low already may be raised, though it stays too low.
 *
 * @throws the driver's error, `lock_not_available` when an open transaction holds the limits for too long.
 */
export async function setLimits(
  pool: Pool,
  schema: string,
  limited: readonly LimitedTable[],
  numbers: LimitNumbers,
): Promise<SetLimitsOutcome> {
  const changes = limited.flatMap((each) => {
    const wanted = numbers[each.limit];
    return wanted === undefined ? [] : [{ limit: each.limit, wanted }];
  });
  if (changes.length === 0) return { kind: "no-limits" };
  return withClient(pool, async (client) => {
    await client.query("BEGIN");
    if (!(await hasLimits(client, schema))) {
      await client.query("ROLLBACK");
      return { kind: "no-limits" };
    }
    const table = `${quoteIdentifier(schema)}.${LIMITS_TABLE}`;
    // The table, not its rows: also where a row is missing, whoever adds a row has to wait.
    await client.query(`LOCK TABLE ${table} IN EXCLUSIVE MODE`);
    const uses = (await readLimitUse(client, schema, limited)) ?? {};
    const refused = changes.flatMap(({ limit, wanted }) => {
      const { used = 0, max = null } = uses[limit] ?? {};
      return wanted < used && (max === null || wanted < max) ? [{ limit, wanted, used }] : [];
    });
    if (refused.length > 0) {
      await client.query("ROLLBACK");
      return { kind: "below-use", refused };
    }
    const values = changes.map(({ limit, wanted }) => `(${quoteLiteral(limit)}, ${quoteLiteral(wanted)})`);
    await client.query(
      `INSERT INTO ${table} (name, maximum) VALUES ${values.join(", ")}
       ON CONFLICT (name) DO UPDATE SET maximum = excluded.maximum; COMMIT`,
    );
    return { kind: "set" };
  });
}

/** Limited tables whose triggers are gone, disabled or not those of the schema's own function. */
export async function unguardedTables(
  client: Queryable,
  schema: string,
  limited: readonly LimitedTable[],
): Promise<string[]> {
  const wanted = limited.flatMap(({ table, activeColumn }) => [
    { table, trigger: LIMITS_TRIGGERS.insert },
    ...(activeColumn === null ? [] : [{ table, trigger: LIMITS_TRIGGERS.update }]),
  ]);
  if (wanted.length === 0) return [];
  const inside = quoteIdentifier(schema);
  const rows = wanted.map(
    ({ table, trigger }) =>
      `(${quoteLiteral(table)}, to_regclass(${quoteLiteral(`${inside}.${quoteIdentifier(table)}`)}), ${quoteLiteral(trigger)})`,
  );
  const found = await client.query<{ name: string }>(`
    SELECT DISTINCT wanted.name FROM (VALUES ${rows.join(", ")}) AS wanted (name, relation, trigger)
    WHERE NOT EXISTS (
      SELECT FROM pg_catalog.pg_trigger
      WHERE tgrelid = wanted.relation AND tgname = wanted.trigger AND tgenabled IN ('O', 'A')
        AND tgfoid = to_regproc(${quoteLiteral(`${inside}.${LIMITS_FUNCTION}`)}))
    ORDER BY wanted.name`);
  return found.rows.map(({ name }) => name);
}

/** Makes the function and the triggers that hold a tenant's limits anew. */
export async function renewGuards(
  pool: Pool,
  schema: string,
  limited: readonly LimitedTable[],
): Promise<void> {
  const drops = limited.flatMap(({ table }) =>
    Object.values(LIMITS_TRIGGERS).map(
      (trigger) => `DROP TRIGGER IF EXISTS ${trigger} ON ${quoteIdentifier(table)}`,
    ),
  );
  const statements = [
    "BEGIN",
    `SET LOCAL search_path = ${quoteIdentifier(schema)}`,
    ...drops,
    ...guardStatements(limited),
    "COMMIT",
  ];
  await withClient(pool, (client) => client.query(statements.join(";\n")));
}

async function hasLimits(client: Queryable, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(
    `SELECT to_regclass(${quoteLiteral(`${quoteIdentifier(schema)}.${LIMITS_TABLE}`)}) IS NOT NULL AS there`,
  );
  return rows[0]?.there === true;
}
