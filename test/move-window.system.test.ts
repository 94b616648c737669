import { announceNew } from "@tenantry/jobs";
import { addPlacement, orderMove, type TenantRow, withTenant } from "@tenantry/tenancy";
import { sql } from "kysely";
import { expect, it } from "vitest";
import { createTestDatabase } from "./support/database.ts";
import { hold, untilBlocked } from "./support/locks.ts";
import { startPrivateServer } from "./support/private-server.ts";
import { ended } from "./support/requests.ts";
import { CALLER } from "./support/restores.ts";
import { openTestInstallation } from "./support/tenantry.ts";
import { readyTenants } from "./support/tenants.ts";
import { tiny } from "./support/tiny-blueprint.ts";

const TINY = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

const database = await createTestDatabase();
const installation = await openTestInstallation({ databaseUrl: database.url, blueprints: [tiny] });
const { ctx } = installation;

const read = (row: TenantRow) =>
  withTenant(ctx, row, async (db) => (await sql`select id from items`.execute(db)).rows);

it("whoever meets a tenant between two servers, or asks where it was, is told to ask again", async () => {
  const worker = await installation.work();
  const [tenant] = await readyTenants(installation, 1, TINY);
  if (tenant === undefined) throw new Error("no tenant");
  const before = tenant.row;
  await withTenant(ctx, before, (db) => sql`insert into items values (1)`.execute(db));
  const second = await (await startPrivateServer()).createDatabase("second");
  await addPlacement(ctx, { name: "second", url: second.url }, CALLER.actor);

  // The old schema is closed by then, and nobody knows of the new one.
  const release = await hold(database.adminUrl, "LOCK TABLE tenantry.kept_schemas IN SHARE MODE");
  const { answer, entry } = await orderMove(ctx, { licenseKey: tenant.key, to: "second" }, CALLER);
  if (entry !== null) await announceNew(ctx, installation.queues, entry);
  await untilBlocked(database.adminUrl, "tenantry-test-control");
  await expect(read(before)).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
  await release();
  expect(await ended(installation, answer.operation.id)).toMatchObject({ state: "succeeded" });

  await expect(read(before)).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
  const now = { ...before, placement: "second" };
  expect(await read(now)).toEqual([{ id: 1 }]);
  // What isn't the move's fault is told as it is.
  const wrong = withTenant(ctx, now, (db) => sql`select from nothing`.execute(db));
  await expect(wrong).rejects.toMatchObject({ code: "42P01" });
  await worker.close();
});
