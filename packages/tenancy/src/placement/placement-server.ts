import { createPool, type Pool, sqlState } from "@tenantry/schema";
import type { TenancyContext } from "../context.ts";
import { type Fault, TenancyError } from "../errors.ts";

const MAX_URL = 2_048;
const OLDEST_SERVER = 150_000;
const CONNECT_MS = 10_000;

/** What is wrong with a placement's URL as it was given, before anybody is asked. */
export function urlFaults(url: string): Fault[] {
  return isUrl(url) ? [] : [{ pointer: "/url", detail: "must be a URL that begins with postgres://" }];
}

function isUrl(url: string): boolean {
  if (url.length > MAX_URL || !URL.canParse(url)) return false;
  return ["postgres:", "postgresql:"].includes(new URL(url).protocol);
}

/** What tells one running server from every other, to the microsecond. Its databases are one: they share their roles. */
export interface ServerIdentity {
  readonly started: string;
}

const IDENTIFY = "SELECT pg_postmaster_start_time()::text AS started";

/**
 * Connects, and looks whether the server and its login can do what a placement's have to.
 *
 * @throws TenancyError PLACEMENT_UNAVAILABLE
 */
export function identifyServer(url: string): Promise<ServerIdentity> {
  return asking(url, async (pool) => {
    const { rows } = await pool.query<
      ServerIdentity & { version: number; read_only: boolean; may_roles: boolean; may_schemas: boolean }
    >(
      `${IDENTIFY}, current_setting('server_version_num')::integer AS version,
       current_setting('transaction_read_only')::boolean AS read_only,
       (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) AS may_roles,
       has_database_privilege(current_database(), 'CREATE') AS may_schemas`,
    );
    const [found] = rows;
    if (found === undefined) throw new Error("the server doesn't say who it is");
    if (found.version < OLDEST_SERVER) throw unfit("It is older than PostgreSQL 15.");
    if (found.read_only) throw unfit("It takes no writes: it is a standby, or its database is read-only.");
    if (!found.may_roles) throw unfit("Its login may not make roles (CREATEROLE).");
    if (!found.may_schemas) throw unfit("Its login may not make schemas in that database (CREATE).");
    return found;
  });
}

/**
 * Those of some schemas that are in the database, by name.
 *
 * @throws TenancyError PLACEMENT_UNAVAILABLE
 */
export function schemasThere(url: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  return asking(url, async (pool) => {
    const { rows } = await pool.query<{ name: string }>(
      "SELECT nspname AS name FROM pg_namespace WHERE nspname = ANY ($1)",
      [names],
    );
    return new Set(rows.map(({ name }) => name));
  });
}

async function asking<T>(url: string, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = createPool({
    connectionString: url,
    max: 1,
    applicationName: "tenantry-placement-add",
    statementTimeout: CONNECT_MS,
    lockTimeout: CONNECT_MS,
    idleInTransactionTimeout: CONNECT_MS,
    onConnectionLost: () => undefined,
  });
  try {
    return await work(pool);
  } catch (error) {
    if (error instanceof TenancyError) throw error;
    const state = sqlState(error);
    // The driver's own words may hold the address.
    throw unfit(
      state === undefined ? "It can't be reached." : `It refuses the login (SQLSTATE ${state}).`,
      error,
    );
  } finally {
    await pool.end();
  }
}

function unfit(detail: string, cause?: unknown): TenancyError {
  return new TenancyError("PLACEMENT_UNAVAILABLE", `The server can't be taken into use. ${detail}`, {
    cause,
  });
}

/**
 * Makes sure that a server isn't another placement's. One server under two names would be counted twice, and a move between
 * them would meet itself.
 *
 * @param own the placement that the server is to be, where that is there already.
 * @throws TenancyError STATE_CONFLICT
 */
export async function assertNewServer(
  ctx: TenancyContext,
  identity: ServerIdentity,
  own: string | null = null,
): Promise<void> {
  const names = await ctx.control.selectFrom("placements").select("name").execute();
  for (const { name } of names) {
    if (name === own) continue;
    const placement = await ctx.placements.of(name);
    const { rows } = await placement.provisioning
      .query<ServerIdentity>(IDENTIFY)
      // One that is away can't be compared; the new one answers, so it is another.
      .catch(() => ({ rows: [] as ServerIdentity[] }));
    if (rows[0]?.started !== identity.started) continue;
    throw new TenancyError("STATE_CONFLICT", `That server is placement ${name} already.`, {
      hint: "Give another server's URL; another database of the same server shares its roles.",
    });
  }
}
