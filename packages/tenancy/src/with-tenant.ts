import {
  allowLoginScript,
  ensureGateway,
  StatementRefusedError,
  type TenantState,
  tenantTransaction,
} from "@tenantry/schema";
import type { Kysely } from "kysely";
import type { TenancyContext } from "./context.ts";
import { TenancyError } from "./errors.ts";
import { limitError } from "./limits.ts";
import { movedError } from "./moved-tenant.ts";
import { placementOf } from "./placement.ts";
import { gatewayLogin, tenantGateway, tenantLogin, withMendedLogin } from "./tenant-connection.ts";

/** What `withTenant` has to know of a tenant: a row of `tenants` will do. */
export interface TenantRef {
  readonly schema_name: string;
  readonly role_name: string;
  readonly placement: string;
  readonly state: TenantState;
  readonly ordinal: number;
}

export interface WithTenantOptions {
  /**
   * `shared`, the default: a connection that many tenants take turns on becomes this tenant's role for one transaction.
   * `login`: a connection that logged in as the tenant's own role, which is nobody else's and can become nobody else.
   */
  readonly mode?: "shared" | "login";
}

/** Connections that a tenant's role may have open on the server at once, all processes together. */
const TENANT_CONNECTION_LIMIT = 10;

const STATE_HINTS: Readonly<Record<Exclude<TenantState, "ready">, string>> = {
  provisioning: "It is being made: wait for its create-tenant operation.",
  failed: "Its creation failed: see its operation's error, then run `tenantry operation retry`.",
  deleting: "It is being deleted: see its delete-tenant operation.",
  deleted: "It was deleted; its last backup is named in its delete-tenant operation.",
};

/**
 * The only door to a tenant's data: runs `work` in one transaction as the tenant's role, with the tenant's schema as the
 * only one on the path. Commits when `work` returns, rolls back when it throws. The handle is good for this transaction
 * alone. docs/security.md says what each mode holds against.
 *
 * @throws TenancyError TENANT_NOT_READY, with a hint that says why; STATEMENT_REFUSED; USER_LIMIT_REACHED or
 * BRANCH_LIMIT_REACHED when the tenant's database refused a row for it; UNAVAILABLE when it moves to another server just then;
 * and whatever else `work` throws.
 */
export async function withTenant<DB, T>(
  ctx: TenancyContext,
  tenant: TenantRef,
  work: (db: Kysely<DB>) => Promise<T>,
  { mode = "shared" }: WithTenantOptions = {},
): Promise<T> {
  assertReady(tenant);
  try {
    return await (mode === "login" ? asOwnLogin(ctx, tenant, work) : throughGateway(ctx, tenant, work));
  } catch (error) {
    if (!(error instanceof StatementRefusedError)) {
      throw limitError(error) ?? (await movedError(ctx, tenant, error)) ?? error;
    }
    throw new TenancyError("STATEMENT_REFUSED", `${error.message}.`, { cause: error });
  }
}

async function throughGateway<DB, T>(
  ctx: TenancyContext,
  tenant: TenantRef,
  work: (db: Kysely<DB>) => Promise<T>,
): Promise<T> {
  const placement = await placementOf(ctx, tenant);
  const gateway = tenantGateway(ctx, tenant);
  const login = gatewayLogin(ctx, gateway);
  const scope = { schema: tenant.schema_name, role: tenant.role_name };
  return withMendedLogin(
    () => placement.gateways.use(login, (client) => tenantTransaction(client, scope, work)),
    () => ensureGateway(placement.provisioning, gateway, login.password, { renew: true }),
  );
}

async function asOwnLogin<DB, T>(
  ctx: TenancyContext,
  tenant: TenantRef,
  work: (db: Kysely<DB>) => Promise<T>,
): Promise<T> {
  const placement = await placementOf(ctx, tenant);
  const login = tenantLogin(ctx, tenant);
  const scope = { schema: tenant.schema_name, role: null };
  const allow = { password: login.password, connectionLimit: TENANT_CONNECTION_LIMIT };
  return withMendedLogin(
    () => placement.logins.use(login, (client) => tenantTransaction(client, scope, work)),
    () =>
      placement.provisioning.query(
        `BEGIN;\n${allowLoginScript(tenantGateway(ctx, tenant), tenant.role_name, allow)}COMMIT;`,
      ),
  );
}

/**
 * @throws TenancyError TENANT_NOT_READY
 */
export function assertReady(tenant: Pick<TenantRef, "state">): void {
  if (tenant.state === "ready") return;
  throw new TenancyError("TENANT_NOT_READY", `The tenant is ${tenant.state}.`, {
    hint: STATE_HINTS[tenant.state],
  });
}
