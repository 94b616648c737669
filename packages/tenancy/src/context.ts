import type { BackupStore, RetentionPolicy } from "@tenantry/archive";
import type { SourceReaders } from "@tenantry/legacy";
import type { BlueprintRegistry, ControlDatabase, LoginPools, Pool } from "@tenantry/schema";
import type { Logger } from "pino";
import type { TenantRedisServer } from "./redis/tenant-redis-server.ts";

/** A PostgreSQL server that tenants live on, as seen from this process. */
export interface Placement {
  readonly name: string;
  /** Host, port and database, for people. */
  readonly server: string;
  /** For DDL: few connections, renewed often. */
  readonly provisioning: Pool;
  /** For tenants' own data, through `withTenant` alone: connections that many tenants take turns on. */
  readonly gateways: LoginPools;
  /** The same for tenants that log in as themselves. */
  readonly logins: LoginPools;
}

/** The servers that tenants live on. */
export interface Placements {
  /** The one that the control schema is on too. */
  readonly main: Placement;
  /**
   * Connects to nothing before the first use.
   *
   * @throws TenancyError PLACEMENT_NOT_FOUND
   */
  of(name: string): Promise<Placement>;
}

/** Where this installation keeps its backups, and how. */
export interface Backups {
  readonly store: BackupStore;
  /** Opens another one, such as that of an installation that is to be rebuilt; whoever opens it closes it. */
  readonly open: (url: string) => BackupStore;
  /** `BACKUP_KEY`, 32 bytes. Null: archives lie open, and nobody vouches for them. */
  readonly key: Buffer | null;
  /** A cron expression of five fields, in UTC; null for none. */
  readonly schedule: string | null;
  /** Null: none is ever removed. */
  readonly retention: RetentionPolicy | null;
  /** How long what a restore has replaced is kept. Milliseconds. */
  readonly restoreKeepMs: number;
}

/** Where this process finds the files of legacy systems, and what reads them. */
export interface LegacyAccess {
  /** Absolute; the root of the paths that come over HTTP. It needn't exist. */
  readonly directory: string;
  readonly readers: SourceReaders;
  /** Licenses that one worker moves at once. */
  readonly atOnce: number;
}

/** What every function of this package works with. Made once in an app's `main`, passed down. */
export interface TenancyContext {
  readonly control: ControlDatabase;
  readonly placements: Placements;
  readonly blueprints: BlueprintRegistry;
  /** Twelve hexadecimal digits that the installation gave itself. */
  readonly installationId: string;
  /** The installation's own secret, which `derivedPassword` draws on. */
  readonly secret: Buffer;
  /** The Redis that tenants have their keys in; null for an installation without `REDIS_URL`. */
  readonly redis: TenantRedisServer | null;
  readonly backups: Backups;
  readonly legacy: LegacyAccess;
  readonly log: Logger;
}

export const DEFAULT_PLACEMENT = "default";
