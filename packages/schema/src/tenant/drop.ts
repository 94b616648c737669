import { quoteIdentifier, quoteLiteral } from "../identifier.ts";
import { type Pool, type PoolClient, type Queryable, withClient } from "../pool.ts";
import { lockTenantName } from "./advisory-lock.ts";
import { qualified, relationsOf } from "./contents.ts";
import { dropRoleScript, type Gateway } from "./gateway.ts";
import { MARKER_TABLE, readMarker } from "./marker.ts";

export interface DropInput {
  /** The name that the schema had while it was in use: the tenant's lock goes by it. */
  readonly schema: string;
  /** The name that it was put aside under. */
  readonly retired: string;
  readonly tenantId: string;
  readonly role: string;
  readonly gateway: Gateway;
  /** Asked in each transaction before it commits; a `false` rolls it back and ends the work. */
  readonly mayProceed: () => Promise<boolean>;
  /** Told after each commit. */
  readonly onProgress: (left: number) => void;
}

/** Foreign keys, or tables, in one transaction. A table goes with some 25 locks: its indexes, sequence, TOAST table. */
const KEYS_AT_ONCE = 15;
const TABLES_AT_ONCE = 5;

/**
 * Drops a schema that was put aside, and its role, in slices: all at once would take several hundred of the locks that the
 * whole server shares. Goes on wherever an earlier attempt was broken off: the marker goes last, with schema and role.
 * False when `mayProceed` said no.
 *
 * @throws the driver's error.
 */
export async function dropRetired(pool: Pool, input: DropInput): Promise<boolean> {
  for (;;) {
    const slice = await withClient(pool, (client) => dropSlice(client, input));
    if (slice === "superseded") return false;
    if (slice === "done") return true;
    input.onProgress(slice.left);
  }
}

type Slice = { readonly left: number } | "superseded" | "done";

async function dropSlice(client: PoolClient, input: DropInput): Promise<Slice> {
  await client.query("BEGIN");
  await lockTenantName(client, input.schema);
  const owner = await readMarker(client, input.retired);
  if (owner.kind !== "tenant" || owner.tenantId !== input.tenantId) {
    await client.query("ROLLBACK");
    return "done";
  }
  const { statement, left } = await nextStatement(client, input.retired);
  if (statement === null) {
    await client.query(`DROP SCHEMA ${quoteIdentifier(input.retired)} CASCADE`);
    await dropTenantRole(client, input);
  } else {
    await client.query(statement);
  }
  if (!(await input.mayProceed())) {
    await client.query("ROLLBACK");
    return "superseded";
  }
  await client.query("COMMIT");
  return statement === null ? "done" : { left };
}

/** What goes next: foreign keys, so that a table's end concerns no other; views, which stand on tables; tables. */
export async function nextStatement(
  client: Queryable,
  schema: string,
): Promise<{ statement: string | null; left: number }> {
  const relations = relationsOf(schema);
  const tables = await client.query<{ name: string }>(`
    SELECT relname AS name FROM ${relations} AS relation
    WHERE relkind IN ('r', 'p', 'f') AND relname <> ${quoteLiteral(MARKER_TABLE)}
    ORDER BY relispartition DESC, relname`);
  const left = tables.rows.length;
  const keys = await client.query<{ table: string; name: string }>(`
    SELECT relation.relname AS table, con.conname AS name
    FROM ${relations} AS relation JOIN pg_constraint AS con ON con.conrelid = relation.oid
    WHERE con.contype = 'f' AND con.conparentid = 0 ORDER BY 1, 2 LIMIT ${KEYS_AT_ONCE}`);
  if (keys.rows.length > 0) {
    const drops = keys.rows.map(
      ({ table, name }) =>
        `ALTER TABLE ${qualified(schema, [table])} DROP CONSTRAINT IF EXISTS ${quoteIdentifier(name)}`,
    );
    return { statement: drops.join("; "), left };
  }
  const views = await client.query<{ name: string; relkind: string }>(`
    SELECT relname AS name, relkind FROM ${relations} AS relation WHERE relkind IN ('v', 'm') ORDER BY 1 LIMIT ${TABLES_AT_ONCE}`);
  if (views.rows.length > 0) {
    const drops = views.rows.map(
      ({ name, relkind }) =>
        `DROP ${relkind === "m" ? "MATERIALIZED VIEW" : "VIEW"} IF EXISTS ${qualified(schema, [name])} CASCADE`,
    );
    return { statement: drops.join("; "), left };
  }
  const some = tables.rows.slice(0, TABLES_AT_ONCE).map(({ name }) => name);
  const statement = some.length === 0 ? null : `DROP TABLE ${qualified(schema, some)} CASCADE`;
  return { statement, left: left - some.length };
}

/**
 * Drops a tenant's role, with what it was granted or owns in this database. Nothing happens when it isn't there. For a
 * transaction of Tenantry's own login.
 */
export async function dropTenantRole(
  client: Queryable,
  { role, gateway }: Pick<DropInput, "role" | "gateway">,
): Promise<void> {
  const found = await client.query<{ holds: boolean }>(`
    SELECT EXISTS (
      SELECT FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = role.oid
        AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())) AS holds
    FROM pg_roles AS role WHERE rolname = ${quoteLiteral(role)}`);
  const [row] = found.rows;
  if (row === undefined) return;
  // A large object that its SQL made, say, would hold the role back.
  if (row.holds) {
    await client.query(`${joinRoleScript(gateway, role)}DROP OWNED BY ${quoteIdentifier(role)}`);
  }
  await client.query(dropRoleScript(gateway, role));
}

/** `dropTenantRole` in a transaction of its own. */
export async function dropRoleAlone(pool: Pool, input: Pick<DropInput, "role" | "gateway">): Promise<void> {
  await withClient(pool, async (client) => {
    await client.query("BEGIN");
    await dropTenantRole(client, input);
    await client.query("COMMIT");
  });
}

/** Ends the sessions that a tenant's role has logged in itself, which outlive its rights. */
export async function endSessionsOf(
  pool: Pool,
  { role, gateway }: Pick<DropInput, "role" | "gateway">,
): Promise<void> {
  const sessions = `FROM pg_stat_activity WHERE usename = ${quoteLiteral(role)}`;
  const found = await pool.query(`SELECT pid ${sessions}`);
  if (found.rows.length === 0) return;
  await withClient(pool, async (client) => {
    await client.query(`BEGIN; ${joinRoleScript(gateway, role)}SELECT pg_terminate_backend(pid) ${sessions}`);
    await client.query("ROLLBACK");
  });
}

/** Gives our own login the role's rights, which only its gateway has, until the transaction ends or the role does. */
function joinRoleScript({ keeper }: Gateway, role: string): string {
  // As whoever runs this, whose name the keeper doesn't know.
  return `DO $join$ BEGIN
    SET LOCAL ROLE ${quoteIdentifier(keeper)};
    EXECUTE format('GRANT %I TO %I', ${quoteLiteral(role)}, session_user);
    SET LOCAL ROLE NONE;
  END $join$;\n`;
}
