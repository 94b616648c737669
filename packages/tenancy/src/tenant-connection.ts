import {
  ensureGateway,
  type Gateway,
  gatewayOf,
  type Login,
  LoginRefusedError,
  SQLSTATE,
  sqlState,
} from "@tenantry/schema";
import type { Placement, TenancyContext } from "./context.ts";
import { derivedPassword } from "./derived-password.ts";

/** The gateway of a tenant in this installation. */
export function tenantGateway(ctx: TenancyContext, tenant: { readonly ordinal: number }): Gateway {
  return gatewayOf(ctx.installationId, tenant.ordinal);
}

/** Each transaction asks for its gateway's login, and an HMAC costs as much as the rest of asking. */
const gatewayLogins = new WeakMap<Buffer, Map<string, Login>>();

/** How the gateway logs in. */
export function gatewayLogin(ctx: TenancyContext, { login: user }: Gateway): Login {
  const known = gatewayLogins.get(ctx.secret) ?? new Map<string, Login>();
  gatewayLogins.set(ctx.secret, known);
  const login = known.get(user) ?? { user, password: derivedPassword(ctx, "gateway-login", user) };
  known.set(user, login);
  return login;
}

/** How a tenant's own role logs in, once it may. */
export function tenantLogin(ctx: TenancyContext, tenant: { readonly role_name: string }): Login {
  return { user: tenant.role_name, password: derivedPassword(ctx, "tenant-login", tenant.role_name) };
}

/** Gateways that this process has seen to be there, by placement. */
const seen = new WeakMap<Placement, Set<string>>();

/** Makes sure that a tenant's gateway is there, before a role is given to it. */
export async function provideGateway(
  ctx: TenancyContext,
  placement: Placement,
  gateway: Gateway,
): Promise<void> {
  const known = seen.get(placement) ?? new Set();
  seen.set(placement, known);
  if (known.has(gateway.login)) return;
  await ensureGateway(placement.provisioning, gateway, gatewayLogin(ctx, gateway).password);
  known.add(gateway.login);
}

/**
 * Does `work` with a tenant's gateway there. Nobody takes gateways away, but a server that came back from a backup, or
 * whose standby lagged behind when it took over, may have lost one since it was seen: then it is made again, and the
 * work is done once more.
 *
 * @param work leaves nothing behind when it fails
 */
export async function withGateway<T>(
  ctx: TenancyContext,
  placement: Placement,
  gateway: Gateway,
  work: () => Promise<T>,
): Promise<T> {
  await provideGateway(ctx, placement, gateway);
  try {
    return await work();
  } catch (error) {
    if (!isMissingRole(error)) throw error;
    const made = await ensureGateway(placement.provisioning, gateway, gatewayLogin(ctx, gateway).password);
    if (!made) throw error;
    return work();
  }
}

/** SET ROLE and GRANT have a code each for a role that isn't there, which other statements use too. */
function isMissingRole(error: unknown): boolean {
  const state = sqlState(error);
  if (state === SQLSTATE.invalidParameterValue || state === SQLSTATE.undefinedObject) return true;
  return error instanceof Error && error.cause !== undefined && isMissingRole(error.cause);
}

/**
 * Does `work`, and once more after `mend` when the server had refused the login: it was never made, lost its password,
 * or its server came back from a backup.
 */
export async function withMendedLogin<T>(work: () => Promise<T>, mend: () => Promise<unknown>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LoginRefusedError)) throw error;
    await mend();
    return work();
  }
}
