import { DELETIONS_AT_ONCE, OperationQueues, type QueueStore } from "@tenantry/jobs";
import { SourceReaders } from "@tenantry/legacy";
import {
  type Blueprint,
  controlDatabase,
  createBlueprintRegistry,
  createPool,
  LoginPools,
  migrateControlSchema,
  type Pool,
  type PoolOptions,
} from "@tenantry/schema";
import {
  adoptTenants,
  DEFAULT_PLACEMENT,
  LicenseWatch,
  OperationWatch,
  type TenancyContext,
} from "@tenantry/tenancy";
import { TenantRedisServer } from "@tenantry/tenancy/redis";
import type { Logger } from "pino";
import { installationId } from "./installation-id.ts";
import { installationSecret } from "./installation-secret.ts";

export interface OpenOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
  readonly blueprints: readonly Blueprint[];
  /** `api`, `worker`, `cli` or `up`: shown in `pg_stat_activity` and in Redis' client list. */
  readonly role: string;
  /** Tenants provisioned at once in this process; 0 for one that doesn't provision. */
  readonly provisioningConnections: number;
  /** Folder that this process writes backups into; absolute. */
  readonly backupDirectory: string;
  /** Folder that the paths of legacy sources are relative to; absolute, and needn't exist. */
  readonly legacyDirectory: string;
  readonly log: Logger;
}

/** One process's connections to an installation of Tenantry. */
export interface Installation {
  readonly ctx: TenancyContext;
  readonly queues: OperationQueues;
  readonly watch: OperationWatch;
  /** Listens from when it is first started. */
  readonly licenses: LicenseWatch;
  readonly store: QueueStore;
  readonly applicationName: string;
  close(): Promise<void>;
}

/** Control queries take milliseconds: what takes longer is stuck. Milliseconds. */
const CONTROL_TIMEOUT = 10_000;
/** A blueprint's script takes a fraction of a second on a quiet server. Milliseconds. */
const PROVISIONING_TIMEOUT = 120_000;
const SERVING_TIMEOUT = 30_000;
const CONTROL_CONNECTIONS = 10;
/** A check of a license counts users in its tenant, and leaves some 43 KB on the connection for each tenant counted. */
const CONTROL_USES = 2_000;
/** Connections of one process for tenants' data: shared ones, and those of tenants that log in as themselves. */
const GATEWAY_CONNECTIONS = 10;
const LOGIN_CONNECTIONS = 10;
/** A tenant that logs in as itself has so many of them at most. */
const CONNECTIONS_PER_LOGIN = 2;
/** Tenants after which a provisioning connection is renewed: its cached foreign-key plans slow it down (docs/adr/0006). */
const PROVISIONING_USES = 40;
/** A serving connection grows by some 185 KB with each tenant it touches; a gateway has 500 of them (docs/adr/0011). */
const SERVING_USES = 2_000;

type PurposeSettings = Omit<PoolOptions, "connectionString" | "max" | "maxUses">;

/**
 * Connects to an installation and brings its control schema up to date.
 *
 * @throws ControlSchemaNewerError, and the driver's error when PostgreSQL can't be reached.
 */
export async function openInstallation(options: OpenOptions): Promise<Installation> {
  const { databaseUrl, log } = options;
  const applicationName = `tenantry-${options.role}`;
  const pools: { end(): Promise<unknown> }[] = [];
  const kept = <P extends { end(): Promise<unknown> }>(pool: P): P => {
    pools.push(pool);
    return pool;
  };
  const settings = (purpose: string, timeout: number): PurposeSettings => ({
    applicationName: `${applicationName}-${purpose}`,
    statementTimeout: timeout,
    lockTimeout: 10_000,
    idleInTransactionTimeout: 15_000,
    onConnectionLost: (error) => log.warn({ err: error, purpose }, "connection lost"),
  });
  const pool = (purpose: string, max: number, timeout: number, maxUses?: number): Pool =>
    kept(
      createPool({
        ...settings(purpose, timeout),
        connectionString: databaseUrl,
        max,
        ...(maxUses === undefined ? {} : { maxUses }),
      }),
    );
  const loginPools = (purpose: string, budget: number, perLogin: number): LoginPools =>
    kept(
      new LoginPools({
        ...settings(purpose, SERVING_TIMEOUT),
        serverUrl: databaseUrl,
        budget,
        perLogin,
        maxUses: SERVING_USES,
      }),
    );
  const control = pool("control", CONTROL_CONNECTIONS, CONTROL_TIMEOUT, CONTROL_USES);
  const tenantsAtOnce = Math.max(1, options.provisioningConnections);
  const readers = new SourceReaders({ max: tenantsAtOnce });
  try {
    const { applied } = await migrateControlSchema(control);
    if (applied.length > 0) log.info({ applied }, "control schema migrated");
    const database = controlDatabase(control);
    const secret = await installationSecret(database);
    const ctx: TenancyContext = {
      control: database,
      placements: new Map([
        [
          DEFAULT_PLACEMENT,
          {
            name: DEFAULT_PLACEMENT,
            provisioning: pool(
              "provisioning",
              // An import holds one for as long as it takes: those who wait for a tenant to be made must still find one.
              options.provisioningConnections === 0 ? 1 : 2 * tenantsAtOnce + DELETIONS_AT_ONCE,
              PROVISIONING_TIMEOUT,
              PROVISIONING_USES,
            ),
            gateways: loginPools("serving", GATEWAY_CONNECTIONS, GATEWAY_CONNECTIONS),
            logins: loginPools("tenant", LOGIN_CONNECTIONS, CONNECTIONS_PER_LOGIN),
          },
        ],
      ]),
      blueprints: await createBlueprintRegistry(options.blueprints),
      installationId: await installationId(database),
      secret,
      redis:
        options.redisUrl === null
          ? null
          : new TenantRedisServer({
              url: options.redisUrl,
              connectionName: `${applicationName}-tenants`,
              secret,
              control: database,
              log,
            }),
      backups: { directory: options.backupDirectory },
      legacy: { directory: options.legacyDirectory, readers, atOnce: tenantsAtOnce },
      log,
    };
    const store: QueueStore =
      options.redisUrl === null
        ? { kind: "postgres", connectionString: databaseUrl }
        : { kind: "redis", url: options.redisUrl, prefix: `tenantry-${ctx.installationId}` };
    const adopted = await adoptTenants(ctx);
    if (adopted > 0) log.info({ tenants: adopted }, "tenants of an earlier version brought up to date");
    const queues = new OperationQueues({ store, applicationName, log });
    await queues.connect();
    const watch = new OperationWatch(ctx, {
      connectionString: databaseUrl,
      applicationName: `${applicationName}-listen`,
    });
    await watch.start();
    const licenses = new LicenseWatch(ctx, {
      connectionString: databaseUrl,
      applicationName: `${applicationName}-licenses`,
    });
    const close = async (): Promise<void> => {
      await licenses.close();
      await watch.close();
      await queues.close();
      await ctx.redis?.close();
      await readers.close();
      await endAll(pools);
    };
    return { ctx, queues, watch, licenses, store, applicationName, close };
  } catch (error) {
    await readers.close();
    await endAll(pools);
    throw error;
  }
}

async function endAll(pools: readonly { end(): Promise<unknown> }[]): Promise<void> {
  await Promise.all(pools.map((pool) => pool.end()));
}
