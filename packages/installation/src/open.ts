import { type BackupStore, openBackupStore } from "@tenantry/archive";
import { OperationQueues, type QueueStore } from "@tenantry/jobs";
import { SourceReaders } from "@tenantry/legacy";
import {
  type Blueprint,
  controlDatabase,
  createBlueprintRegistry,
  createPool,
  migrateControlSchema,
  POOLED_SESSION_SETTINGS,
  type Pool,
  pooledSessionFaults,
} from "@tenantry/schema";
import {
  adoptTenants,
  type Backups,
  installationId,
  installationSecret,
  LicenseWatch,
  OperationWatch,
  recordBlueprints,
  type TenancyContext,
} from "@tenantry/tenancy";
import { TenantRedisServer } from "@tenantry/tenancy/redis";
import type { Logger } from "pino";
import type { BackupConfig } from "./backup-config.ts";
import { ConfigError } from "./config.ts";
import { CONTROL_CONNECTIONS, type ConnectionsAtMost, connectionsAtMost } from "./connections.ts";
import { openPlacement, type PurposeSettings } from "./open-placement.ts";
import { PlacementPools } from "./placement-pools.ts";

export interface OpenOptions {
  readonly databaseUrl: string;
  /** A pooler in transaction mode before that database, for all connections but those that listen. */
  readonly databasePoolUrl?: string | null;
  readonly redisUrl: string | null;
  readonly blueprints: readonly Blueprint[];
  /** `api`, `worker`, `cli` or `up`: shown in `pg_stat_activity` and in Redis' client list. */
  readonly role: string;
  /** Tenants provisioned at once in this process; 0 for one that doesn't provision. */
  readonly provisioningConnections: number;
  readonly backups: BackupConfig;
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
  /** That this process opens, a worker in it included. */
  readonly connectionsAtMost: ConnectionsAtMost;
  close(): Promise<void>;
}

/** Control queries take milliseconds: what takes longer is stuck. Milliseconds. */
const CONTROL_TIMEOUT = 10_000;
/** A check of a license counts users in its tenant, and leaves some 43 KB on the connection for each tenant counted. */
const CONTROL_USES = 2_000;

/**
 * Connects to an installation and brings its control schema up to date.
 *
 * @throws ConfigError when the pooler isn't set up for it, ControlSchemaNewerError, BlueprintChangedError, and the driver's error when PostgreSQL can't be reached.
 */
export async function openInstallation(options: OpenOptions): Promise<Installation> {
  const { databaseUrl, log } = options;
  const poolUrl = options.databasePoolUrl ?? null;
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
  const control = kept(
    createPool({
      ...settings("control", CONTROL_TIMEOUT),
      connectionString: poolUrl ?? databaseUrl,
      pooled: poolUrl !== null,
      max: CONTROL_CONNECTIONS,
      maxUses: CONTROL_USES,
    }),
  );
  const tenantsAtOnce = Math.max(1, options.provisioningConnections);
  const readers = new SourceReaders({ max: tenantsAtOnce });
  const backups = openBackups(options.backups);
  try {
    if (poolUrl !== null) await checkPooler(control);
    const { applied } = await migrateControlSchema(control);
    if (applied.length > 0) log.info({ applied }, "control schema migrated");
    const database = controlDatabase(control);
    const blueprints = await createBlueprintRegistry(options.blueprints);
    await recordBlueprints(database, blueprints);
    const secret = await installationSecret(database);
    const placements = kept(
      new PlacementPools(database, poolUrl ?? databaseUrl, (name, url) =>
        openPlacement({
          name,
          url,
          pooled: url === poolUrl,
          tenantsAtOnce: options.provisioningConnections,
          settings,
        }),
      ),
    );
    const ctx: TenancyContext = {
      control: database,
      placements,
      blueprints,
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
      backups,
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
      await backups.store.close();
      await endAll(pools);
    };
    const most = connectionsAtMost({
      tenantsAtOnce: options.provisioningConnections,
      pooled: poolUrl !== null,
      queueInPostgres: store.kind === "postgres",
    });
    return { ctx, queues, watch, licenses, store, applicationName, connectionsAtMost: most, close };
  } catch (error) {
    await readers.close();
    await backups.store.close();
    await endAll(pools);
    throw error;
  }
}

function openBackups({ url, s3Endpoint, ...settings }: BackupConfig): Backups {
  const open = (of: string): BackupStore => openBackupStore(of, { s3Endpoint });
  return { ...settings, open, store: open(url) };
}

async function checkPooler(pool: Pool): Promise<void> {
  const faults = await pooledSessionFaults(pool);
  if (faults.length === 0) return;
  throw new ConfigError([
    `DATABASE_POOL_URL: the pooler's connections lack settings (${faults.join(", ")}); in pgbouncer.ini, give the database connect_query='${POOLED_SESSION_SETTINGS}'`,
  ]);
}

async function endAll(pools: readonly { end(): Promise<unknown> }[]): Promise<void> {
  await Promise.all(pools.map((pool) => pool.end()));
}
