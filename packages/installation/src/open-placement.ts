import { createPool, LoginPools, type PoolOptions } from "@tenantry/schema";
import type { Placement } from "@tenantry/tenancy";
import { GATEWAY_CONNECTIONS, LOGIN_CONNECTIONS, provisioningConnections } from "./connections.ts";

export type PurposeSettings = Omit<PoolOptions, "connectionString" | "max" | "maxUses">;

export interface OpenPlacementInput {
  readonly name: string;
  readonly url: string;
  /** Whether the URL leads to a pooler. */
  readonly pooled?: boolean;
  /** Tenants provisioned at once in this process; 0 for one that doesn't provision. */
  readonly tenantsAtOnce: number;
  /** How connections for one purpose are named and bounded; the timeout of statements in milliseconds. */
  readonly settings: (purpose: string, timeout: number) => PurposeSettings;
}

/** A placement whose connections this process holds, until they are ended. */
export interface OpenPlacement extends Placement {
  end(): Promise<void>;
}

/** A blueprint's script takes a fraction of a second on a quiet server. Milliseconds. */
const PROVISIONING_TIMEOUT = 120_000;
const SERVING_TIMEOUT = 30_000;
/** A tenant that logs in as itself has so many of them at most. */
const CONNECTIONS_PER_LOGIN = 2;
/** Tenants after which a provisioning connection is renewed: its cached foreign-key plans slow it down (docs/adr/0006). */
const PROVISIONING_USES = 40;
/** A serving connection grows by some 185 KB with each tenant it touches; a gateway has 500 of them (docs/adr/0011). */
const SERVING_USES = 2_000;

/** One process's pools for one server that tenants live on. Nothing connects before the first use. */
export function openPlacement(input: OpenPlacementInput): OpenPlacement {
  const provisioning = createPool({
    ...input.settings("provisioning", PROVISIONING_TIMEOUT),
    connectionString: input.url,
    pooled: input.pooled === true,
    max: provisioningConnections(input.tenantsAtOnce),
    maxUses: PROVISIONING_USES,
  });
  const loginPools = (purpose: string, budget: number, perLogin: number): LoginPools =>
    new LoginPools({
      ...input.settings(purpose, SERVING_TIMEOUT),
      serverUrl: input.url,
      pooled: input.pooled === true,
      budget,
      perLogin,
      maxUses: SERVING_USES,
    });
  const gateways = loginPools("serving", GATEWAY_CONNECTIONS, GATEWAY_CONNECTIONS);
  const logins = loginPools("tenant", LOGIN_CONNECTIONS, CONNECTIONS_PER_LOGIN);
  return {
    name: input.name,
    server: serverOf(input.url),
    provisioning,
    gateways,
    logins,
    end: async () => {
      await Promise.all([provisioning, gateways, logins].map((pool) => pool.end()));
    },
  };
}

/** For people: host, port and database, and nothing that is secret. */
function serverOf(url: string): string {
  if (!URL.canParse(url)) return "";
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
