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
    const roles = await withAdmin(adminUrl.href, async (client) => {
      const found = await client.query(
        "SELECT DISTINCT r.rolname FROM pg_roles r JOIN pg_auth_members m ON m.roleid = r.oid JOIN pg_roles o ON o.oid = m.member WHERE o.rolname = $1",
        [name],
      );
      return found.rows.map((row) => row.rolname as string);
    });
    await withAdmin(admin, async (client) => {
      await client.query(`DROP DATABASE ${pg.escapeIdentifier(name)} WITH (FORCE)`);
      for (const role of [...new Set(roles), name])
        await client.query(`DROP ROLE ${pg.escapeIdentifier(role)}`);
    });
  });
  return { url, adminUrl: adminUrl.href };
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
