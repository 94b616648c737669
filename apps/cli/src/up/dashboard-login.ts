import { type Config, ensureOpsLogin, generateOpsPassword } from "@tenantry/installation";
import { hashPassword } from "@tenantry/tenancy";
import type { LocalInstallation } from "../local-installation.ts";

export interface DashboardLogin {
  readonly user: string;
  readonly passwordHash: string;
  /** Null when it isn't known here, or was set by whoever started this. */
  readonly password: string | null;
  /** What to print in place of a password that isn't shown. */
  readonly note: string;
}

/** The dashboard's login. An embedded installation keeps its own password, so that every start can show it. */
export async function dashboardLogin(
  config: Config,
  installation: LocalInstallation,
): Promise<DashboardLogin> {
  const { opsUser: user, opsPassword } = config;
  if (opsPassword === null && installation.embedded) {
    const { opsPassword: kept } = await installation.credentials.update(async (current) =>
      current.opsPassword === undefined ? { ...current, opsPassword: generateOpsPassword() } : current,
    );
    if (kept === undefined) throw new Error("the dashboard's password was not kept");
    return { user, passwordHash: await hashPassword(kept), password: kept, note: "" };
  }
  const { passwordHash, newPassword } = await ensureOpsLogin(installation.ctx, config);
  return {
    user,
    passwordHash,
    password: newPassword ?? null,
    note:
      opsPassword === null
        ? "the one shown at the first start; OPS_PASSWORD sets another"
        : "as set in OPS_PASSWORD",
  };
}
