import type { Identity } from "./run-command.ts";
import type { Runtime } from "./runtime.ts";

/** One cluster, and all that is needed to run it. */
export interface Cluster {
  /** The user's data directory: lock, credentials and the list of users lie here. */
  readonly dataDir: string;
  /** PostgreSQL's own data directory, without symlinks. */
  readonly path: string;
  /** Whom the server runs as; empty for ourselves. */
  readonly identity: Identity;
  readonly runtime: Runtime;
}

/** How `dataDir` calls its cluster: the cluster itself, or a symlink to where it had to go. */
export const CLUSTER_NAME = "postgres";

/** Where root keeps what the server's user must be able to reach. */
export const SYSTEM_DIRECTORY = "/var/lib/tenantry";
