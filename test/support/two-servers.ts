import type { Blueprint } from "@tenantry/schema";
import {
  addPlacement,
  drainPlacement,
  listPlacements,
  orderMove,
  type PerformOutcome,
  performOperation,
  type TenantRow,
  withTenant,
} from "@tenantry/tenancy";
import { sql } from "kysely";
import { createTestDatabase, type TestDatabase, withAdmin } from "./database.ts";
import { startPrivateServer } from "./private-server.ts";
import { type Proxy as Network, startProxy } from "./proxy.ts";
import { openTestInstallation, TEST_LEASE_MS, type TestInstallation } from "./tenantry.ts";
import { type ReadyTenant, readyTenants } from "./tenants.ts";
import { tiny } from "./tiny-blueprint.ts";

export const MOVER = { actor: "cli:test", apiKeyId: null, idempotency: null };
const TINY = { blueprint: "tiny", adminUsername: undefined, adminPassword: undefined };

/** An installation with tenants on two servers, `default` and `second`, and what tests of moves ask of it. */
export interface TwoServers {
  readonly installation: TestInstallation;
  readonly first: TestDatabase;
  readonly second: TestDatabase;
  /** New tenants on the first server; a worker has to be running. Afterwards both servers take tenants. */
  atHome(count?: number, order?: Record<string, unknown>): Promise<ReadyTenant[]>;
  /** Accepts a move and tells nobody; returns the operation's id. */
  moving(licenseKey: string, to?: string): Promise<string>;
  /** One attempt at an operation in this process. */
  attempt(operationId: string, maxAttempts?: number): Promise<PerformOutcome>;
  /** One more at once, rather than after its wait, or when the lease of a worker that died has run out. */
  attemptAgain(operationId: string): Promise<PerformOutcome>;
  /** Attempts until it has ended; whoever had it before counts as dead. */
  carryOn(operationId: string): Promise<PerformOutcome>;
  /** The tenant as the control data have it now. */
  tenantNow(licenseKey: string): Promise<TenantRow>;
  /** Runs on the server that the tenant lives on now, as its administrator. */
  ask(tenant: TenantRow, statement: string): Promise<Record<string, unknown>[]>;
  /** A row into the tenant's `items`, through the door that applications use, wherever it is now. */
  write(licenseKey: string): Promise<void>;
  /** How many rows are there. */
  itemsOf(licenseKey: string): Promise<number>;
  /** What lies on a server of that name or of a move's: the tenant's own schema, copies, and what was left. */
  schemasOn(url: string, schema: string): Promise<string[]>;
}

/**
 * Opens them for one test file.
 *
 * @param address what the installation is told of the second server: the server's own URL, or that of a proxy.
 */
export async function openTwoServers({
  redisUrl = null,
  blueprints = [tiny],
  address = async (url) => url,
}: {
  readonly redisUrl?: string | null;
  readonly blueprints?: readonly Blueprint[];
  readonly address?: (url: string) => Promise<string>;
} = {}): Promise<TwoServers> {
  const first = await createTestDatabase();
  const installation = await openTestInstallation({ databaseUrl: first.url, redisUrl, blueprints });
  const { ctx } = installation;
  const server = await startPrivateServer();
  const second = await server.createDatabase("second");
  await addPlacement(ctx, { name: "second", url: await address(second.url) }, MOVER.actor);

  const attempt = (operationId: string, maxAttempts = 8): Promise<PerformOutcome> =>
    performOperation(ctx, {
      operationId,
      worker: "rescuer",
      leaseMs: TEST_LEASE_MS,
      maxAttempts,
      sink: { progress: async () => undefined, log: async () => undefined },
    });
  const attemptAgain = async (operationId: string): Promise<PerformOutcome> => {
    await sql`
      update tenantry.operations set available_at = now(), heartbeat_at = heartbeat_at - interval '1 hour'
      where id = ${operationId}`.execute(ctx.control);
    return attempt(operationId);
  };
  const tenantNow = async (licenseKey: string): Promise<TenantRow> =>
    await ctx.control
      .selectFrom("tenants")
      .innerJoin("licenses", "licenses.id", "tenants.license_id")
      .selectAll("tenants")
      .where("licenses.key", "=", licenseKey)
      .executeTakeFirstOrThrow();
  const adminOf = (placement: string) => (placement === "default" ? first : second).adminUrl;
  const ask: TwoServers["ask"] = (tenant, statement) =>
    withAdmin(adminOf(tenant.placement), async (client) => (await client.query(statement)).rows);

  return {
    installation,
    first,
    second,
    attempt,
    atHome: async (count = 1, order = TINY) => {
      for (const { name } of await listPlacements(ctx)) {
        await drainPlacement(ctx, name, name !== "default", MOVER.actor);
      }
      const made = await readyTenants(installation, count, order);
      await drainPlacement(ctx, "second", false, MOVER.actor);
      return made;
    },
    moving: async (licenseKey, to = "second") =>
      (await orderMove(ctx, { licenseKey, to }, MOVER)).answer.operation.id,
    attemptAgain,
    carryOn: async (operationId) => {
      for (;;) {
        const outcome = await attemptAgain(operationId);
        if (outcome.kind !== "not-yet") return outcome;
      }
    },
    tenantNow,
    ask,
    write: async (licenseKey) => {
      const tenant = await tenantNow(licenseKey);
      await withTenant(ctx, tenant, (db) => sql`insert into items values (0)`.execute(db));
    },
    itemsOf: async (licenseKey) => {
      const tenant = await tenantNow(licenseKey);
      const [row] = await ask(tenant, `SELECT count(*)::int AS n FROM ${tenant.schema_name}.items`);
      return Number(row?.n);
    },
    schemasOn: (url, schema) =>
      withAdmin(url, async (client) => {
        const { rows } = await client.query(
          "SELECT nspname FROM pg_namespace WHERE nspname = $1 OR nspname LIKE 'moved\\_%' ORDER BY 1",
          [schema],
        );
        return rows.map(({ nspname }) => nspname);
      }),
  };
}

/** What the schema that a move has left on the old server is called. */
export const leftBy = (operationId: string): string => `moved_${operationId.replaceAll("-", "")}`;

/** The same with a network between the installation and the second server, which a test can cut. */
export async function openTwoServersApart(): Promise<TwoServers & { readonly network: Network }> {
  let network: Network | undefined;
  const servers = await openTwoServers({
    address: async (url) => {
      network = await startProxy(url);
      return network.url;
    },
  });
  if (network === undefined) throw new Error("the second server has no address");
  return { ...servers, network };
}
