import { randomBytes } from "node:crypto";
import { ensureOwnedDatabase } from "@tenantry/schema";
import pg from "pg";
import { afterAll, inject } from "vitest";

export interface TestDatabase {
  /** As the login that owns the database and is no superuser, which is how Tenantry runs. */
  readonly url: string;
  /** The same database as the test server's administrator. */
  readonly adminUrl: string;
}

/**
 * A new database for one test file, dropped with its tenants' roles after the file; kept when something in it failed,
 * to be looked at.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `tenantry_test_${randomBytes(6).toString("hex")}`;
  const admin = inject("adminUrl");
  const url = await ensureOwnedDatabase({
    superuserUrl: admin,
    name,
    password: randomBytes(12).toString("hex"),
  });
  const adminUrl = new URL(admin);
  adminUrl.pathname = `/${name}`;
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the wanted fixtures from the pattern
  afterAll(async ({}, suite) => {
    if (hasFailed(suite)) {
      process.stderr.write(`kept for a look, as long as its server runs: database ${name}\n`);
      return;
    }
    const roles = await withAdmin(adminUrl.href, (client) => rolesOf(client, name));
    await withAdmin(admin, async (client) => {
      await client.query(`DROP DATABASE ${pg.escapeIdentifier(name)} WITH (FORCE)`);
      for (const role of [...new Set(roles), name])
        await client.query(`DROP ROLE ${pg.escapeIdentifier(role)}`);
    });
  });
  return { url, adminUrl: adminUrl.href };
}

/** The roles that were made from this database, keepers last: since PostgreSQL 16 a grant needs the role that gave it. */
async function rolesOf(client: pg.Client, owner: string): Promise<string[]> {
  const found = await client.query(
    `WITH made AS (
       SELECT roleid AS oid FROM pg_auth_members WHERE member = $1::text::regrole
       UNION SELECT (aclexplode(relacl)).grantee FROM pg_class WHERE relowner = $1::text::regrole
       UNION SELECT (aclexplode(nspacl)).grantee FROM pg_namespace WHERE nspowner = $1::text::regrole
     ), near AS (
       SELECT oid FROM made UNION SELECT member FROM pg_auth_members JOIN made ON roleid = made.oid
       UNION SELECT roleid FROM pg_auth_members JOIN made ON member = made.oid
       UNION SELECT login.oid FROM pg_roles AS login, pg_roles AS keeper JOIN made USING (oid)
         WHERE login.rolname = replace(keeper.rolname, '_keeper_', '_gateway_')
     )
     SELECT rolname FROM pg_roles JOIN near USING (oid) WHERE rolname <> $1::text AND NOT rolsuper AND rolname !~ '^pg_'
     ORDER BY rolcreaterole`,
    [owner],
  );
  return found.rows.map((row) => row.rolname as string);
}

/** Runs `work` on one connection of its own. */
export async function withAdmin<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

interface Task {
  readonly result?: { readonly state: string } | undefined;
  readonly tasks?: readonly Task[];
}

function hasFailed(task: Task): boolean {
  return task.result?.state === "fail" || (task.tasks ?? []).some(hasFailed);
}
