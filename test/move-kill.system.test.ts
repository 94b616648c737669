import { setTimeout as wait } from "node:timers/promises";
import { confirmMove } from "@tenantry/tenancy";
import { describe, expect, it } from "vitest";
import { type TestDatabase, withAdmin } from "./support/database.ts";
import { hold, untilBlocked } from "./support/locks.ts";
import type { ReadyTenant } from "./support/tenants.ts";
import { leftBy, MOVER, openTwoServers } from "./support/two-servers.ts";

/** Any number that nobody else locks. */
const GATE = 4_242;
const ROWS = 10;
const OURS = { control: "tenantry-test-control", provisioning: "tenantry-test-provisioning" };

describe("a move whose PostgreSQL dies", async () => {
  const servers = await openTwoServers();
  const { installation, first, second, write, itemsOf } = servers;
  const { ctx } = installation;

  /** With rows that come to a gate when they are loaded, and one that an application has written. */
  async function tenantOn(placement: "default" | "second"): Promise<ReadyTenant> {
    const worker = await installation.work();
    const [tenant] = await servers.atHome();
    await worker.close();
    if (tenant === undefined) throw new Error("no tenant");
    const { schema_name: schema } = tenant.row;
    await withAdmin(first.url, (client) =>
      client.query(`
        CREATE FUNCTION ${schema}.gate(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
          'BEGIN IF $1 = ${ROWS / 2} THEN PERFORM pg_advisory_xact_lock_shared(${GATE}); END IF; RETURN $1; END';
        ALTER TABLE ${schema}.items ADD COLUMN gated int GENERATED ALWAYS AS (${schema}.gate(id)) STORED;
        INSERT INTO ${schema}.items SELECT generate_series(1, ${ROWS})`),
    );
    if (placement === "second") {
      expect(await servers.carryOn(await servers.moving(tenant.key))).toMatchObject({ kind: "succeeded" });
      await confirmMove(ctx, { licenseKey: tenant.key }, MOVER.actor);
    }
    await write(tenant.key);
    return tenant;
  }

  /** In one place, whole and in use, and nothing but what is to be confirmed elsewhere. */
  async function expectMoved(
    { key, row }: ReadyTenant,
    operationId: string,
    to: TestDatabase,
  ): Promise<void> {
    const from = to === first ? second : first;
    expect(await servers.tenantNow(key)).toMatchObject({ placement: to === first ? "default" : "second" });
    expect(await servers.schemasOn(from.adminUrl, row.schema_name)).toEqual([leftBy(operationId)]);
    expect(await servers.schemasOn(to.adminUrl, row.schema_name)).toEqual([row.schema_name]);
    await confirmMove(ctx, { licenseKey: key }, MOVER.actor);
    const before = await itemsOf(key);
    await write(key);
    expect(await itemsOf(key)).toBe(before + 1);
    expect(await servers.schemasOn(from.adminUrl, row.schema_name)).toEqual([]);
    expect(await ctx.control.selectFrom("backup_attempts").selectAll().execute()).toEqual([]);
  }

  /** The one that waits first: it must not go on when whoever it waits for is gone. */
  const endAllOn = ({ adminUrl }: TestDatabase, waiting: number): Promise<unknown> =>
    withAdmin(adminUrl, (client) =>
      client.query(
        `SELECT pg_terminate_backend(pid, 30000) FROM
           (SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
            ORDER BY pid <> $1) AS backend`,
        [waiting],
      ),
    );

  it.each([
    { which: "the old server", end: (backend: number) => endAllOn(first, backend) },
    { which: "the new server", end: (backend: number) => endAllOn(second, backend) },
    {
      which: "the new server, which starts anew,",
      end: async (backend: number) => {
        process.kill(backend, "SIGKILL");
        await untilAwake(second);
      },
    },
  ])("while it loads: all connections to $which are lost, and it is made again", async ({ end }) => {
    const tenant = await tenantOn("default");
    const operationId = await servers.moving(tenant.key);
    const release = await hold(second.adminUrl, `SELECT pg_advisory_xact_lock(${GATE})`);
    const attempt = servers.attempt(operationId).catch(() => "nothing could be noted");
    const backend = await untilBlocked(second.adminUrl, OURS.provisioning);
    await end(backend);
    await release();
    expect(["nothing could be noted", { kind: "not-yet" }]).toContainEqual(kindOf(await attempt));
    await write(tenant.key);
    expect(await servers.tenantNow(tenant.key)).toMatchObject({ placement: "default", state: "ready" });
    expect(await servers.carryOn(operationId)).toMatchObject({ kind: "succeeded" });
    expect(await itemsOf(tenant.key)).toBe(ROWS + 2);
    await expectMoved(tenant, operationId, second);
  });

  it("as the old schema is about to be closed: the tenant is there when the old server is back", async () => {
    const tenant = await tenantOn("second");
    const operationId = await servers.moving(tenant.key, "default");
    const release = await hold(
      second.adminUrl,
      `GRANT USAGE ON SCHEMA ${tenant.row.schema_name} TO pg_monitor`,
    );
    const attempt = servers.attempt(operationId).catch(() => "nothing could be noted");
    process.kill(await untilBlocked(second.adminUrl, OURS.provisioning), "SIGKILL");
    await untilAwake(second);
    await release();
    expect(kindOf(await attempt)).toEqual({ kind: "not-yet" });
    await write(tenant.key);
    expect(await servers.tenantNow(tenant.key)).toMatchObject({ placement: "second", state: "ready" });
    expect(await servers.carryOn(operationId)).toMatchObject({ kind: "succeeded" });
    expect(await itemsOf(tenant.key)).toBe(ROWS + 2);
    await expectMoved(tenant, operationId, first);
  });

  it("with the old schema closed: it is done, whatever the old server does", async () => {
    const tenant = await tenantOn("second");
    const operationId = await servers.moving(tenant.key, "default");
    const release = await hold(first.adminUrl, "LOCK TABLE tenantry.kept_schemas IN ACCESS EXCLUSIVE MODE");
    const attempt = servers.attempt(operationId);
    await untilBlocked(first.adminUrl, OURS.control);
    await withAdmin(second.adminUrl, async (client) => {
      const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
      process.kill(rows[0].pid, "SIGKILL");
      await client.query("SELECT").catch(() => undefined);
    });
    await release();
    expect(await attempt).toMatchObject({ kind: "succeeded" });
    await untilAwake(second);
    expect(await itemsOf(tenant.key)).toBe(ROWS + 1);
    await expectMoved(tenant, operationId, first);
  });

  const kindOf = (outcome: string | { readonly kind: string }) =>
    typeof outcome === "string" ? outcome : { kind: outcome.kind };
});

async function untilAwake({ adminUrl }: TestDatabase): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; await wait(20)) {
    try {
      await withAdmin(adminUrl, (client) => client.query("SELECT"));
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}
