import { limitUse, type TenancyContext, withTenant } from "@tenantry/tenancy";
import { type Kysely, sql } from "kysely";
import pg from "pg";
import { expect, onTestFinished } from "vitest";
import type { TestDatabase } from "./database.ts";
import { ended, orderLicense } from "./requests.ts";
import type { TestInstallation } from "./tenantry.ts";

export type LimitedTenant = Awaited<ReturnType<typeof newTenant>>;

/** A new ERP tenant, with its own first user and branch in it. */
export async function newTenant(installation: TestInstallation, maxUsers: number, maxBranches = 1) {
  const { license, tenant, operation } = await orderLicense(installation, { maxUsers, maxBranches });
  expect((await ended(installation, operation.id)).state).toBe("succeeded");
  const row = await installation.ctx.control
    .selectFrom("tenants")
    .selectAll()
    .where("schema_name", "=", tenant.schema)
    .executeTakeFirstOrThrow();
  return { ...row, key: license.key };
}

/** `INSERT` of so many users with names that begin with `name`. */
export function users(name: string, count = 1, active = true): string {
  return `INSERT INTO users (username, email, is_active)
    SELECT '${name}' || n, '${name}' || n || '@x.example', ${active} FROM generate_series(1, ${count}) AS n`;
}

/** `INSERT` of a branch. */
export function branch(code: string): string {
  return `INSERT INTO branches (code, name) VALUES ('${code}', '${code}')`;
}

/** The statements in one transaction of the tenant's. */
export async function run(
  ctx: TenancyContext,
  tenant: LimitedTenant,
  ...statements: string[]
): Promise<void> {
  // biome-ignore lint/suspicious/noExplicitAny: statements of every shape
  await withTenant(ctx, tenant, async (db: Kysely<any>) => {
    for (const statement of statements) await sql.raw(statement).execute(db);
  });
}

export async function activeUsers(ctx: TenancyContext, tenant: LimitedTenant): Promise<number> {
  return (await limitUse(ctx, tenant))?.users?.used ?? -1;
}

/** What `run` rejects with when a row would pass a limit of `amount`, such as `3 users`. */
export function passes(amount: string, would: number) {
  return {
    code: amount.includes("branch") ? "BRANCH_LIMIT_REACHED" : "USER_LIMIT_REACHED",
    message: `The license allows ${amount}, and there would be ${would}.`,
  };
}

/**
 * A transaction as the tenant's role on a connection of its own, which nobody ends but the test, and which takes
 * statements that `withTenant` refuses.
 */
export async function openTransaction(
  { adminUrl }: TestDatabase,
  tenant: LimitedTenant,
  name: string,
  isolation = "READ COMMITTED",
): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: adminUrl, application_name: name });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query(
    `BEGIN ISOLATION LEVEL ${isolation}; SET LOCAL ROLE "${tenant.role_name}"; SET LOCAL search_path = "${tenant.schema_name}", pg_temp`,
  );
  return client;
}

/** `done`, or the error's code. */
export function settled(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "done",
    (error: { code?: string }) => error.code ?? String(error),
  );
}
