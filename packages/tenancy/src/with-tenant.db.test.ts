import { type Kysely, sql } from "kysely";
import { beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase } from "../../../test/support/database.ts";
import { acceptLicense, ended, orderLicense } from "../../../test/support/requests.ts";
import { openTestInstallation } from "../../../test/support/tenantry.ts";
import { type TenantRef, withTenant } from "./with-tenant.ts";

interface Tables {
  branches: { id: number; code: string; name: string };
}

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url });
const { ctx } = installation;

async function tenantOf(schema: string): Promise<TenantRef> {
  return ctx.control
    .selectFrom("tenants")
    .selectAll()
    .where("schema_name", "=", schema)
    .executeTakeFirstOrThrow();
}

describe("withTenant", () => {
  let one: TenantRef;
  let two: TenantRef;

  beforeAll(async () => {
    await installation.work();
    const orders = await Promise.all([orderLicense(installation), orderLicense(installation)]);
    for (const { operation } of orders) await ended(installation, operation.id);
    const refs = await Promise.all(orders.map(({ tenant }) => tenantOf(tenant.schema)));
    [one, two] = refs as [TenantRef, TenantRef];
  });

  const addBranch = (tenant: TenantRef, code: string) =>
    withTenant(ctx, tenant, (db: Kysely<Tables>) =>
      db
        .insertInto("branches")
        .values({ code, name: code } as never)
        .execute(),
    );
  const codes = (tenant: TenantRef) =>
    withTenant(ctx, tenant, async (db: Kysely<Tables>) =>
      (await db.selectFrom("branches").select("code").orderBy("code").execute()).map((row) => row.code),
    );

  it("shows a tenant its own rows and nobody else's", async () => {
    await addBranch(one, "ONLY-ONE");
    expect(await codes(one)).toEqual(["MAIN", "ONLY-ONE"]);
    expect(await codes(two)).toEqual(["MAIN"]);
  });

  it.each([
    [
      "another tenant's table by its name",
      (other: TenantRef) => sql`select * from ${sql.id(other.schema_name, "users")}`,
    ],
    ["the control schema", () => sql`select * from tenantry.licenses`],
    ["the marker of its own schema", () => sql`select * from tenantry_tenant`],
    ["its own ledger", () => sql`delete from kysely_migration`],
    ["the queue's tables", () => sql`select * from tenantry_queue.job`],
    ["a table of its own making", () => sql`create table mine (n int)`],
    ["a table in public", () => sql`create table public.mine (n int)`],
  ])("refuses %s", async (_, statement) => {
    await expect(
      withTenant(ctx, one, async (db: Kysely<Tables>) => void (await statement(two).execute(db))),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^42501$|^42P01$|^3F000$/) });
  });

  it("has the tenant's role and its schema alone on the path", async () => {
    const seen = await withTenant(ctx, one, async (db: Kysely<Tables>) => {
      const found = await sql<{ role: string; path: string }>`
        select current_user as role, current_setting('search_path') as path`.execute(db);
      return found.rows[0];
    });
    expect(seen).toEqual({ role: one.role_name, path: `${one.schema_name}, pg_temp` });
  });

  it("gives a handle that is of no use afterwards", async () => {
    let kept: Kysely<Tables> | undefined;
    await withTenant(ctx, one, async (db: Kysely<Tables>) => {
      kept = db;
    });
    await expect(kept?.selectFrom("branches").selectAll().execute()).rejects.toThrow(/has ended/);
  });

  it("waits for a query that nobody waited for, before another tenant gets the connection", async () => {
    await withTenant(ctx, one, async (db: Kysely<Tables>) => {
      void sql`select pg_sleep(0.2)`.execute(db);
      await new Promise(setImmediate);
    });
    expect(await codes(two)).toEqual(["MAIN"]);
  });

  it("rolls everything back when the work throws", async () => {
    const failure = withTenant(ctx, one, async (db: Kysely<Tables>) => {
      await db
        .insertInto("branches")
        .values({ code: "GONE", name: "Gone" } as never)
        .execute();
      throw new Error("changed my mind");
    });
    await expect(failure).rejects.toThrow("changed my mind");
    expect(await codes(one)).not.toContain("GONE");
  });

  it("says so when the work swallowed an error that had ended the transaction", async () => {
    const swallowed = withTenant(ctx, one, async (db: Kysely<Tables>) => {
      await sql`select 1 / 0`.execute(db).catch(() => undefined);
    });
    await expect(swallowed).rejects.toThrow(/was rolled back/);
  });

  it("takes a transaction inside as a savepoint", async () => {
    await withTenant(ctx, one, async (db: Kysely<Tables>) => {
      await db
        .insertInto("branches")
        .values({ code: "OUTER", name: "Outer" } as never)
        .execute();
      await db
        .transaction()
        .execute(async (inner) => {
          await inner
            .insertInto("branches")
            .values({ code: "INNER", name: "Inner" } as never)
            .execute();
          throw new Error("inner only");
        })
        .catch(() => undefined);
    });
    const after = await codes(one);
    expect(after).toContain("OUTER");
    expect(after).not.toContain("INNER");
  });

  it("never mixes tenants when hundreds of transactions share a few connections", async () => {
    const rounds = Array.from({ length: 400 }, (_, index) => (index % 2 === 0 ? one : two));
    const seen = await Promise.all(
      rounds.map((tenant) =>
        withTenant(ctx, tenant, async (db: Kysely<Tables>) => {
          const found = await sql<{ schema: string }>`select current_schema() as schema`.execute(db);
          return found.rows[0]?.schema;
        }),
      ),
    );
    expect(seen).toEqual(rounds.map((tenant) => tenant.schema_name));
  });

  it("doesn't open for a tenant that isn't ready, and says why", async () => {
    const { tenant } = await acceptLicense(installation);
    const waiting = { ...(await tenantOf(tenant.schema)), state: "provisioning" as const };
    await expect(withTenant(ctx, waiting, async () => undefined)).rejects.toMatchObject({
      code: "TENANT_NOT_READY",
      hint: expect.stringContaining("create-tenant"),
    });
  });
});
