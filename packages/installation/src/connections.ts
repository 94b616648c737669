import { DELETIONS_AT_ONCE, queueConnectionsAtMost } from "@tenantry/jobs";

/** Connections of one process for the control schema. */
export const CONTROL_CONNECTIONS = 10;
/** Connections of one process for tenants' data on one server: shared ones, and those of tenants that log in as themselves. */
export const GATEWAY_CONNECTIONS = 10;
export const LOGIN_CONNECTIONS = 10;
/** One hears of operations, the other, once somebody asks, of licenses. */
const LISTENING = 2;

/** Connections of one process for making, loading and dropping tenants on one server. */
export function provisioningConnections(tenantsAtOnce: number): number {
  // An import holds one for as long as it takes: those who wait for a tenant to be made must still find one.
  return tenantsAtOnce === 0 ? 1 : 2 * tenantsAtOnce + DELETIONS_AT_ONCE;
}

/** What one process may open on a server at its busiest. None of it grows with the number of tenants. */
export interface ConnectionsAtMost {
  /** On the server of DATABASE_URL, not counting what goes through a pooler. */
  readonly main: number;
  /** On each other server that tenants live on. */
  readonly placement: number;
}

export interface ConnectionsInput {
  readonly tenantsAtOnce: number;
  readonly pooled: boolean;
  readonly queueInPostgres: boolean;
}

export function connectionsAtMost(input: ConnectionsInput): ConnectionsAtMost {
  const placement = provisioningConnections(input.tenantsAtOnce) + GATEWAY_CONNECTIONS + LOGIN_CONNECTIONS;
  const queue = input.queueInPostgres ? queueConnectionsAtMost(input.tenantsAtOnce > 0) : 0;
  return { main: LISTENING + queue + (input.pooled ? 0 : CONTROL_CONNECTIONS + placement), placement };
}
