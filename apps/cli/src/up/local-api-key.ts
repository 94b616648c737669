import { authenticateApiKey, createApiKey, revokeApiKey, SCOPES, TenancyError } from "@tenantry/tenancy";
import type { LocalInstallation } from "../local-installation.ts";

const NAME = "local";

/** The token of the key that `up` shows: made once, and again when the database doesn't know it any more. */
export async function ensureLocalApiKey(installation: LocalInstallation): Promise<string> {
  const { ctx, credentials, databaseLabel } = installation;
  let token = "";
  await credentials.update(async (current) => {
    const kept = current.apiKeys?.[databaseLabel];
    if (kept !== undefined && (await stillGood(installation, kept))) {
      token = kept;
      return current;
    }
    token = (await createApiKey(ctx, { name: NAME, scopes: SCOPES })).token;
    return { ...current, apiKeys: { ...current.apiKeys, [databaseLabel]: token } };
  });
  return token;
}

async function stillGood({ ctx }: LocalInstallation, token: string): Promise<boolean> {
  try {
    const { id, scopes } = await authenticateApiKey(ctx, token);
    if (SCOPES.every((scope) => scopes.has(scope))) return true;
    // Made when there were fewer scopes than there are now.
    await revokeApiKey(ctx, id);
    return false;
  } catch (error) {
    if (error instanceof TenancyError && error.code === "UNAUTHENTICATED") return false;
    throw error;
  }
}
