import type { SourceReaders } from "@tenantry/legacy";
import type { BlueprintRegistry, ControlDatabase, LoginPools, Pool } from "@tenantry/schema";
import type { Logger } from "pino";
import type { TenantRedisServer } from "./redis/tenant-redis-server.ts";

/** The PostgreSQL server that tenants live on, as seen from this process. */
export interface Placement {
  readonly name: string;
  /** For DDL: few connections, renewed often. */
  readonly provisioning: Pool;
  /** For tenants' own data, through `withTenant` alone: connections that many tenants take turns on. */
  readonly gateways: LoginPools;
  /** The same for tenants that log in as themselves. */
  readonly logins: LoginPools;
}

/** Where this process keeps backups. */
export interface BackupStore {
  /** A folder on this machine, absolute; made when the first backup is. */
  readonly directory: string;
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
  readonly placements: ReadonlyMap<string, Placement>;
  readonly blueprints: BlueprintRegistry;
  /** Twelve hexadecimal digits that the installation gave itself. */
  readonly installationId: string;
  /** The installation's own secret, which `derivedPassword` draws on. */
  readonly secret: Buffer;
  /** The Redis that tenants have their keys in; null for an installation without `REDIS_URL`. */
  readonly redis: TenantRedisServer | null;
  readonly backups: BackupStore;
  readonly legacy: LegacyAccess;
  readonly log: Logger;
}

export const DEFAULT_PLACEMENT = "default";
